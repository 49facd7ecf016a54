/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The facts for `lockonfault status`. They are only stored here. */
#include "config.h"

#include "base/published.h"

/* Used: no code reads the mark. */
__attribute__((used))
struct lof_published lof_published = { .mark = LOF_PUBLISHED_MARK };
