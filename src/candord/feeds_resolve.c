/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The addresses of a feed's host: from our own zones and our own recursion, without policy, or a bad list
 * could keep its own correction away. */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <urcu-qsbr.h>

#include "candord/feeds_parts.h"
#include "dns/name.h"

struct lookup {
    struct feed_run *run;
    const struct view *view;
    struct arena arena;
    struct ip_address *out;
    int count;
    const char *problem; /* why there are none, as far as known */
};

static struct snapshot *hold_snapshot(struct daemon *daemon)
{
    rcu_thread_online();
    struct snapshot *snapshot = snapshot_ref(atomic_load(&daemon->serving.snapshot));
    rcu_thread_offline();
    return snapshot;
}

static const struct view *find_view(const struct snapshot *snapshot, const char *name)
{
    for (size_t i = 0; i < snapshot->view_count; i++)
        if (strcmp(snapshot->views[i].config->name, name) == 0)
            return &snapshot->views[i];
    return NULL;
}

static void add(struct lookup *l, struct ip_address address)
{
    if (address.family != IP_NONE && l->count < FETCH_ADDRESSES_MAX)
        l->out[l->count++] = address;
}

/* --- zones of ours --- */

static void add_sets(struct lookup *l, const struct zone_answer *answer, uint16_t type)
{
    for (size_t i = 0; i < answer->answer_count; i++)
        for (uint16_t k = 0; answer->answer[i].type == type && k < answer->answer[i].count; k++)
            add(l,
                rdata_address(type, answer->answer[i].rdatas[k].bytes, answer->answer[i].rdatas[k].length));
}

/* Where recursion has to go on from: `name` itself, where an alias of ours leads, or NULL: all is said. */
static const uint8_t *ask_own_zones(struct lookup *l, const uint8_t *name, uint16_t type)
{
    struct zone_answer answer;
    const struct zone_table_entry *zone = zone_table_find(l->view->zones, name, false);
    if (!zone || !zone->content ||
        zone_content_answer(zone->content, name, type, false, &l->arena, &answer) ||
        answer.result == ZONE_DELEGATION)
        return name;
    add_sets(l, &answer, type);
    return answer.result == ZONE_CNAME_OUT ? answer.target : NULL;
}

/* --- recursion --- */

/* False: the daemon is ending, and nothing may be asked any more. */
static bool ask(struct lookup *l, struct resolver_ask *question, const uint8_t *name, uint16_t type)
{
    struct feeds *feeds = l->run->feeds;
    *question = (struct resolver_ask){.reply_to = l->run->inbox, .qtype = type, .client.family = IP_NONE};
    question->name_length = (uint8_t)name_copy_lower(question->name, name);
    question->hash = cache_hash(l->view->pool->cache, question->name, question->name_length, type);
    pthread_mutex_lock(&feeds->lock);
    bool may = !atomic_load(&feeds->cancelled);
    if (may)
        resolver_ask(l->view->pool->resolver, question);
    pthread_mutex_unlock(&feeds->lock);
    return may;
}

static void take(struct lookup *l, const struct resolver_ask *ask)
{
    const struct truth *truth = ask->truth;
    if (ask->error)
        l->problem = err_text(ask->error);
    else if (truth->failed)
        l->problem = truth->ede_text ? "its name servers do not answer, or not well" : "SERVFAIL";
    else if (truth->security == TRUTH_BOGUS)
        l->problem = "its DNSSEC signatures are wrong";
    else if (truth->link_count)
        for (uint16_t i = 0; i < truth->links[truth->link_count - 1].address_count; i++)
            add(l, truth->links[truth->link_count - 1].addresses[i]);
    truth_unref(ask->truth);
}

/* Every ask comes back: the resolver has its own time limit. */
static void await(struct lookup *l, unsigned asks)
{
    struct inbox *inbox = l->run->inbox;
    while (asks) {
        struct pollfd wait = {.fd = inbox->fd, .events = POLLIN};
        struct inbox_message *message;
        poll(&wait, 1, -1);
        inbox_quiet(inbox);
        while ((message = inbox_take(inbox))) {
            take(l, (struct resolver_ask *)message);
            asks--;
        }
    }
}

static void look_up(struct lookup *l, const uint8_t *name)
{
    static const uint16_t types[] = {TYPE_A, TYPE_AAAA};
    struct resolver_ask asks[2];
    unsigned sent = 0;
    for (size_t i = 0; i < 2; i++) {
        const uint8_t *from = ask_own_zones(l, name, types[i]);
        if (from && ask(l, &asks[sent], from, types[i]))
            sent++;
    }
    await(l, sent);
}

int feeds_addresses(void *context, const char *host, struct ip_address *out, char *problem,
                    size_t problem_size)
{
    struct feed_run *run = context;
    uint8_t name[NAME_MAX_BYTES];
    struct snapshot *snapshot = hold_snapshot(run->feeds->daemon);
    struct lookup l = {.run = run, .view = find_view(snapshot, run->view_name), .out = out};
    arena_init(&l.arena, 0);
    if (name_from_text(host, NULL, name) < 0 || !l.view) {
        l.problem = "not a name";
    } else {
        name_to_lower(name);
        look_up(&l, name);
    }
    snprintf(problem, problem_size, "%s has no address%s%s", host, l.problem ? ": " : "",
             l.problem ? l.problem : "");
    arena_fini(&l.arena);
    snapshot_unref(snapshot);
    return l.count ? l.count : ERR_NOT_FOUND;
}
