#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Run a static program in a qemu guest without KVM: 256 MiB of memory, 600 MiB
# of swap, and the kernel of an unpacked Debian package.
#
#	guest.sh DIRECTORY-OF-THE-UNPACKED-PACKAGE PROGRAM
#
# Exits as the program does; 125: the guest did not run it.
set -eu
package=$1 program=$2
kernel=$(ls "$package"/boot/vmlinuz-*)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 125' INT TERM

root=$work/root
mkdir -p "$root/bin" "$root/proc" "$root/sys" "$root/dev" "$root/modules"
cp "$(command -v busybox)" "$root/bin/busybox"
cp "$program" "$root/program"

# Modules for the swap disk. A kernel may have some of them built in.
n=0
for module in virtio_ring virtio virtio_pci_legacy_dev virtio_pci_modern_dev \
	virtio_pci virtio_blk; do
	file=$(find "$package" -name "$module.ko*")
	[ -n "$file" ] || continue
	n=$((n + 1))
	case $file in
	*.xz) xz -dc "$file" >"$root/modules/$n.ko" ;;
	*) cp "$file" "$root/modules/$n.ko" ;;
	esac
done

cat >"$root/init" <<'INIT'
#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
for module in /modules/*; do insmod "$module" 2>/dev/null; done
tries=50
while [ ! -b /dev/vda ] && [ $tries -gt 0 ]; do
	usleep 20000
	tries=$((tries - 1))
done
mkswap /dev/vda >/dev/null && swapon /dev/vda
echo "guest: Linux $(uname -r), $(sed -n 's/^SwapTotal: *//p' /proc/meminfo) of swap"
/program
echo "guest: exit $?"
poweroff -f
INIT
chmod +x "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet -R 0:0) >"$work/initrd"
truncate -s 600M "$work/swap"

timeout 120 qemu-system-x86_64 -accel tcg -M q35 -cpu max -m 256 -smp 1 \
	-nodefaults -no-user-config -display none -serial stdio -no-reboot \
	-kernel "$kernel" -initrd "$work/initrd" \
	-drive "file=$work/swap,if=none,id=swap,format=raw,cache=unsafe" \
	-device virtio-blk-pci,drive=swap \
	-append 'console=ttyS0 quiet panic=-1 rdinit=/init mitigations=off' \
	</dev/null 2>"$work/errors" | tr -d '\r' >"$work/log" || :
grep -a -E '^(guest|ok|FAIL): ' "$work/log" || :
status=$(sed -n 's/^guest: exit //p' "$work/log")
if [ -z "$status" ]; then
	tail -n 20 "$work/log" "$work/errors"
	exit 125
fi
exit "$status"
