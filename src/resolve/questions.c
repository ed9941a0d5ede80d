/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "resolve/questions.h"

#include <stdlib.h>
#include <string.h>

struct questions {
    size_t mask;
    struct question *buckets[];
};

struct questions *questions_new(unsigned expected)
{
    size_t buckets = 16;
    while (buckets < expected)
        buckets *= 2;
    struct questions *questions = calloc(1, sizeof *questions + buckets * sizeof(struct question *));
    if (questions)
        questions->mask = buckets - 1;
    return questions;
}

void questions_free(struct questions *questions)
{
    struct question *question;
    if (!questions)
        return;
    while ((question = questions_any(questions)))
        questions_remove(questions, question);
    free(questions);
}

struct question *questions_find(const struct questions *questions, const struct resolver_ask *ask)
{
    struct question *q = questions->buckets[ask->hash & questions->mask];
    while (q && !(q->hash == ask->hash && q->qtype == ask->qtype && q->name_length == ask->name_length &&
                  memcmp(q->name, ask->name, ask->name_length) == 0))
        q = q->next;
    return q;
}

struct question *questions_add(struct questions *questions, const struct resolver_ask *ask)
{
    struct question *q = malloc(sizeof *q + ask->name_length);
    if (!q)
        return NULL;
    struct question **bucket = &questions->buckets[ask->hash & questions->mask];
    *q = (struct question){
        .next = *bucket, .hash = ask->hash, .qtype = ask->qtype, .name_length = ask->name_length};
    memcpy(q->name, ask->name, ask->name_length);
    q->last_link = &q->first_ask;
    *bucket = q;
    return q;
}

void questions_remove(struct questions *questions, struct question *question)
{
    struct question **link = &questions->buckets[question->hash & questions->mask];
    while (*link != question)
        link = &(*link)->next;
    *link = question->next;
    free(question);
}

struct question *questions_any(const struct questions *questions)
{
    for (size_t i = 0; i <= questions->mask; i++)
        if (questions->buckets[i])
            return questions->buckets[i];
    return NULL;
}

void question_join(struct question *question, struct resolver_ask *ask)
{
    ask->next_joined = NULL;
    *question->last_link = ask;
    question->last_link = &ask->next_joined;
    question->ask_count++;
}

struct resolver_ask *question_take(struct question *question)
{
    struct resolver_ask *ask = question->first_ask;
    if (!ask)
        return NULL;
    question->first_ask = ask->next_joined;
    if (!question->first_ask)
        question->last_link = &question->first_ask;
    question->ask_count--;
    return ask;
}
