/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of kinds of memory. The glob is our own: fnmatch() may call malloc. It
 * knows no classes as [:alpha:], which lof_kinds_parse() refuses.
 */
#include "config.h"

#include "base/select.h"

#include <errno.h>
#include <string.h>

enum { ANON, HEAP, STACK, SHM, FILES, NKINDS, OTHER = NKINDS };

static const char *const kind_names[NKINDS] = {
	"anon", "heap", "stack", "shm", "file",
};

struct text {
	const char *at, *end;
};

static bool begins(struct text text, const char *prefix)
{
	size_t len = strlen(prefix);

	return (size_t)(text.end - text.at) >= len &&
	       memcmp(text.at, prefix, len) == 0;
}

/* A byte of a bracket expression, perhaps behind a backslash. */
static unsigned char bracket_byte(struct text *glob)
{
	if (*glob->at == '\\' && glob->at + 1 < glob->end)
		glob->at++;
	return (unsigned char)*glob->at++;
}

/*
 * Does a bracket expression have byte? glob is behind its '[', and is moved
 * behind its ']'. -1: there is no ']'.
 */
static int bracket_has(struct text *glob, unsigned char byte)
{
	bool is_not = begins(*glob, "!") || begins(*glob, "^"), found = false;
	unsigned char low, high;

	glob->at += is_not;
	for (bool is_first = true; glob->at < glob->end; is_first = false) {
		if (*glob->at == ']' && !is_first) {
			glob->at++;
			return found != is_not;
		}
		low = high = bracket_byte(glob);
		if (glob->end - glob->at >= 2 && glob->at[0] == '-' &&
		    glob->at[1] != ']') {
			glob->at++;
			high = bracket_byte(glob);
		}
		found |= low <= byte && byte <= high;
	}
	return -1;
}

/* Does the next element of glob match byte? glob is moved behind it. */
static bool element_matches(struct text *glob, char byte)
{
	struct text behind = { glob->at + 1, glob->end };
	int has;

	switch (*glob->at) {
	case '?':
		glob->at++;
		return true;
	case '[':
		has = bracket_has(&behind, (unsigned char)byte);
		if (has < 0)
			break;
		*glob = behind;
		return has;
	case '\\':
		if (behind.at < behind.end)
			glob->at++;
		break;
	default:
		break;
	}
	return *glob->at++ == byte;
}

/* If the rest does not match, the last '*' takes a byte more. */
bool lof_glob_matches(const char *glob, size_t glob_len, const char *name,
		      size_t len)
{
	const char *name_end = name + len, *taken = NULL;
	struct text rest = { glob, glob + glob_len }, star = { NULL, NULL };

	while (name < name_end) {
		if (rest.at < rest.end && *rest.at == '*') {
			rest.at++;
			star = rest;
			taken = name;
		} else if (rest.at < rest.end &&
			   element_matches(&rest, *name)) {
			name++;
		} else if (taken) {
			rest = star;
			name = ++taken;
		} else {
			return false;
		}
	}
	while (rest.at < rest.end && *rest.at == '*')
		rest.at++;
	return rest.at == rest.end;
}

/* A backslash at the end matches nothing. */
static bool is_glob(struct text glob)
{
	bool is_escaped = false;

	for (; glob.at < glob.end; glob.at++) {
		if (!is_escaped && (begins(glob, "[:") || begins(glob, "[.") ||
				    begins(glob, "[=")))
			return false;
		is_escaped = *glob.at == '\\' && !is_escaped;
	}
	return !is_escaped;
}

static int add_glob(struct lof_kinds *kinds, struct text glob)
{
	const size_t max = sizeof(kinds->glob) / sizeof(kinds->glob[0]);

	if (glob.at == glob.end || !is_glob(glob) || kinds->nglobs == max)
		return -EINVAL;
	kinds->glob[kinds->nglobs].text = glob.at;
	kinds->glob[kinds->nglobs++].len = (size_t)(glob.end - glob.at);
	return 0;
}

static int add_word(struct lof_kinds *kinds, struct text word)
{
	size_t len = (size_t)(word.end - word.at);

	if (begins(word, "file:")) {
		word.at += strlen("file:");
		return add_glob(kinds, word);
	}
	for (unsigned int kind = 0; kind < NKINDS; kind++)
		if (strlen(kind_names[kind]) == len &&
		    memcmp(kind_names[kind], word.at, len) == 0) {
			kinds->kinds |= 1u << kind;
			return 0;
		}
	return -EINVAL;
}

int lof_kinds_parse(const char *text, struct lof_kinds *kinds)
{
	struct text word = { text, text };
	int err;

	*kinds = (struct lof_kinds){ .kinds = 0 };
	if (strlen(text) >= LOF_KINDS_MAX)
		return -EINVAL;
	for (;; word.at = word.end + 1) {
		word.end = word.at + strcspn(word.at, ",");
		err = add_word(kinds, word);
		if (err || !*word.end)
			return err;
	}
}

static unsigned int kind_of(struct text name)
{
	static const char *const shared[] = {
		"[anon_shmem:", "/dev/shm/", "/memfd:", "/SYSV", "/dev/zero",
	};

	if (name.at == name.end || begins(name, "[anon:"))
		return ANON;
	if (begins(name, "[heap]"))
		return HEAP;
	if (begins(name, "[stack"))
		return STACK;
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++)
		if (begins(name, shared[i]))
			return SHM;
	return begins(name, "/") ? FILES : OTHER;
}

static bool has(const struct lof_kinds *kinds, struct text name)
{
	if (kinds->kinds >> kind_of(name) & 1)
		return true;
	for (size_t i = 0; begins(name, "/") && i < kinds->nglobs; i++)
		if (lof_glob_matches(kinds->glob[i].text, kinds->glob[i].len,
				     name.at, (size_t)(name.end - name.at)))
			return true;
	return false;
}

_Atomic bool lof_select_is_set;

/* The environment, which has the texts, is the program's to change. */
struct list {
	char text[LOF_KINDS_MAX];
	struct lof_kinds kinds;
	bool is_given;
};

static struct list skip, only;
static unsigned long ms;

static int take(struct list *list, const char *text)
{
	list->is_given = text;
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(list->text))
		return -EINVAL;
	strcpy(list->text, text);
	return lof_kinds_parse(list->text, &list->kinds);
}

int lof_select_set(const char *skipped, const char *locked,
		   unsigned long scan_ms)
{
	ms = scan_ms;
	if (take(&skip, skipped) || take(&only, locked))
		return -EINVAL;
	atomic_store_explicit(&lof_select_is_set, skipped || locked,
			      memory_order_release);
	return 0;
}

unsigned long lof_select_scan_ms(void)
{
	return ms;
}

/* The kernel's own mappings, as [vdso], are never locked. */
bool lof_select_skips(const char *name, size_t len)
{
	struct text text = { name, name + len };

	if (kind_of(text) == OTHER)
		return false;
	return (skip.is_given && has(&skip.kinds, text)) ||
	       (only.is_given && !has(&only.kinds, text));
}
