// SPDX-License-Identifier: GPL-3.0-or-later
#include "plugin/state.h"

const char *state_text(enum plugin_state state)
{
    static const char *const texts[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
    return texts[state];
}

enum plugin_state state_worse(enum plugin_state a, enum plugin_state b)
{
    static const int rank[] = {
        [STATE_OK] = 0, [STATE_UNKNOWN] = 1, [STATE_WARNING] = 2, [STATE_CRITICAL] = 3};
    return rank[a] >= rank[b] ? a : b;
}
