/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Was a range of 8 TiB or more mapped by a call that the library saw? */
#include "config.h"

#include "lock/giant.h"

_Atomic bool lof_giant_was_mapped;
