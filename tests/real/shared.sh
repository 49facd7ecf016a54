# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=sh
# Functions for scripts that run programs of other projects. A script sets
# before: $real, this folder; $build, the build; $dir, a temporary directory; and
# $server, the number of the running server.

# kill_group PID: a server, and the processes that it started
kill_group() { kill -s KILL -- "-$1" 2>/dev/null || :; }

# is_running PID: it has not ended
is_running() {
	case $(sed -n 's/^State:[^A-Z]*\(.\).*/\1/p' "/proc/$1/status" \
		2>/dev/null) in
	'' | Z) return 1 ;;
	esac
}

# wait_for SECONDS COMMAND...: until COMMAND succeeds, while the server runs
wait_for() {
	last=$(($(date +%s) + $1))
	shift
	until "$@"; do
		[ "$(date +%s)" -lt $last ] && is_running "$server" || return 1
		sleep 0.2
	done
}

# has COMMAND...: sets reason if one is missing
has() {
	for command; do
		command -v "$command" >/dev/null || {
			reason="no $command"
			return 1
		}
	done
}

# llama.cpp maps its model MAP_SHARED|MAP_POPULATE, and locks it piece by piece.
# Newer versions of the package read a model that is to be locked into memory of
# their own.
llama=3.18.1
install_llama() {
	for package in node-llama-cpp @node-llama-cpp/linux-x64; do
		npm_config_cache=$dir/npm timeout 300 npm install \
			--prefix "$build/llama" --no-audit --no-fund \
			--ignore-scripts --omit=optional $package@$llama || return
	done
	python3 "$real/model.py" "$build/llama/model.gguf" &&
		: >"$build/llama/installed"
}
has_llama() {
	has npm node curl || return 1
	reason='node is older than 20'
	[ "$(node -p 'parseInt(process.versions.node)')" -ge 20 ] || return 1
	reason="no binary of llama.cpp for $(uname -m)"
	[ "$(uname -m)" = x86_64 ] || return 1
	[ -e "$build/llama/installed" ] && return
	mkdir -p "$build/llama"
	install_llama >"$build/llama/log" 2>&1 && return
	reason=$(grep -m 1 '^npm error .* reason:' "$build/llama/log") ||
		reason="npm did not install node-llama-cpp"
	return 1
}
