/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * drop.c - names of drop reasons, from the one list in drop.def
 */
#include "pkt/drop.h"

struct drop_text {
	const char *name, *text;
};

static const struct drop_text texts[DROP_REASONS] = {
#define DROP(sym, name_, text_) [DROP_##sym] = { name_, text_ },
#include "pkt/drop.def"
#undef DROP
};

const char *drop_name(enum drop_reason r)
{
	return (unsigned)r < DROP_REASONS ? texts[r].name : "unknown";
}

const char *drop_text(enum drop_reason r)
{
	return (unsigned)r < DROP_REASONS ? texts[r].text : "no such reason";
}
