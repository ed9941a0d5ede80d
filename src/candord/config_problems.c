/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "candord/config_problems.h"

#include <stdlib.h>
#include <string.h>

struct kept_problem {
    struct config_problem problem;
    size_t file_number, number; /* files and problems in the order in which they came */
};

void problems_init(struct problems *problems, struct arena *arena)
{
    *problems = (struct problems){.arena = arena};
}

static size_t file_number(const struct problems *problems, const char *file)
{
    for (size_t i = 0; i < problems->count; i++)
        if (strcmp(problems->list[i].problem.file, file) == 0)
            return problems->list[i].file_number;
    return problems->count;
}

static bool make_room(struct problems *problems)
{
    if (problems->count < problems->room)
        return true;
    size_t room = problems->room ? 2 * problems->room : 64;
    struct kept_problem *list = realloc(problems->list, room * sizeof *list);
    if (!list)
        return false;
    problems->list = list;
    problems->room = room;
    return true;
}

void problems_add(void *context, const struct config_problem *problem)
{
    struct problems *problems = context;
    const char *message =
        problems->count < PROBLEMS_MAX ? arena_strdup(problems->arena, problem->message) : NULL;
    if (!message || !make_room(problems))
        return;
    struct kept_problem *kept = &problems->list[problems->count];
    kept->file_number = file_number(problems, problem->file);
    kept->number = problems->count++;
    kept->problem = *problem;
    kept->problem.message = message;
}

static int compare(const void *a, const void *b)
{
    const struct kept_problem *x = a, *y = b;
    if (x->file_number != y->file_number)
        return x->file_number < y->file_number ? -1 : 1;
    if (x->problem.line != y->problem.line)
        return x->problem.line < y->problem.line ? -1 : 1;
    return x->number < y->number ? -1 : x->number > y->number;
}

void problems_tell(struct problems *problems,
                   void (*tell)(void *context, const struct config_problem *problem), void *context)
{
    if (problems->count)
        qsort(problems->list, problems->count, sizeof *problems->list, compare);
    for (size_t i = 0; tell && i < problems->count; i++)
        tell(context, &problems->list[i].problem);
    free(problems->list);
    problems_init(problems, problems->arena);
}
