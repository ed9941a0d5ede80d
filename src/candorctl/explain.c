/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain as a short story: the answer, the rule that makes it and who is responsible, what came first, and
 * why the other rules lose. */
#include <inttypes.h>
#include <string.h>

#include "candorctl/human.h"
#include "candorctl/print_parts.h"
#include "candorctl/verbs.h"

enum { MAILBOX_MAX = 320 };

static void print_question(const json_t *question)
{
    printf("%s %s, asked by %s", member_text(question, "name"), member_text(question, "type"),
           member_text(question, "client"));
    printf("%s%s%s", member_flag(question, "tcp") ? " over TCP" : "",
           member_flag(question, "dnssec") ? " with DO" : "",
           member_flag(question, "recurse") ? "" : " without RD");
    if (strcmp(member_text(question, "view"), "_default") != 0)
        printf(", view %s", *member_text(question, "view") ? member_text(question, "view") : "none");
    puts("");
}

static void print_lines(const json_t *answer, const char *section)
{
    size_t i;
    json_t *line;
    json_array_foreach(json_object_get(answer, section), i, line)
        printf("  %-11s %s\n", i ? "" : section, json_string_value(line));
}

static void print_answer(const json_t *answer)
{
    size_t i;
    json_t *flag;
    const json_t *ede = json_object_get(answer, "ede");
    bool dropped = !strcmp(member_text(answer, "status"), "DROPPED");
    printf("\nThe answer: %s", dropped ? "none, the question is dropped" : member_text(answer, "status"));
    json_array_foreach(json_object_get(answer, "flags"), i, flag)
        printf("%s%s", i ? " " : " (", json_string_value(flag));
    puts(i ? ")" : "");
    print_lines(answer, "answer");
    print_lines(answer, "authority");
    print_lines(answer, "additional");
    if (json_is_object(ede))
        printf("  %-11s %" PRId64 "%s%s\n", "EDE", member_int(ede, "code"),
               *member_text(ede, "text") ? " " : "", member_text(ede, "text"));
}

/* "a QNAME rule for *.example.com." */
static void print_rule_line(const json_t *rule)
{
    printf("%s of %s: %s -> %s", member_text(rule, "trigger"), member_text(rule, "zone"),
           member_text(rule, "owner"), member_text(rule, "action"));
    if (*member_text(rule, "override") && strcmp(member_text(rule, "override"), "given") != 0)
        printf(" (the zone's policy is set to %s)", member_text(rule, "override"));
}

static void print_winner(const json_t *rule)
{
    char mailbox[MAILBOX_MAX];
    const json_t *soa = json_object_get(rule, "soa");
    size_t i;
    json_t *line;
    printf("\nA rule decides: ");
    print_rule_line(rule);
    printf("\n  it is for   %s", member_text(rule, "matched"));
    if (*member_text(rule, "name") && strcmp(member_text(rule, "name"), member_text(rule, "matched")) != 0)
        printf(", found at %s", member_text(rule, "name"));
    puts("");
    json_array_foreach(json_object_get(rule, "data"), i, line)
        printf("  %-11s %s\n", i ? "" : "its data", json_string_value(line));
    if (json_is_object(soa))
        printf("  responsible %s (policy zone %s, serial %" PRId64 ", from %s)\n",
               human_mailbox(member_text(soa, "rname"), mailbox, sizeof mailbox), member_text(rule, "zone"),
               member_int(soa, "serial"), member_text(soa, "mname"));
}

static void print_link(const json_t *link, bool first)
{
    size_t i, k;
    json_t *address, *server;
    printf("  %-11s %s", first ? "its names" : "", member_text(link, "name"));
    json_array_foreach(json_object_get(link, "addresses"), i, address)
        printf("%s%s", i ? ", " : " at ", json_string_value(address));
    puts("");
    json_array_foreach(json_object_get(link, "servers"), i, server)
    {
        printf("              served by %s", member_text(server, "name"));
        json_array_foreach(json_object_get(server, "addresses"), k, address)
            printf("%s%s", k ? ", " : " at ", json_string_value(address));
        puts("");
    }
}

static void print_truth(const json_t *truth, bool before)
{
    size_t i;
    json_t *link;
    if (!json_is_object(truth)) {
        puts("\nNobody was asked for the truth.");
        return;
    }
    const char *where = member_flag(truth, "ours") ? "in a zone held here" : "in the cache or by recursion";
    if (before)
        printf("\nThe rule decides before recursion: a client's question is not looked up.\nThe truth, "
               "looked up %s "
               "for you: %s",
               where, member_text(truth, "status"));
    else
        printf("\nThe truth, looked up first, %s: %s", where, member_text(truth, "status"));
    if (member_flag(truth, "signed"))
        printf(" (signed, %s)", member_flag(truth, "bogus") ? "BOGUS" : "not bogus");
    puts("");
    json_array_foreach(json_object_get(truth, "chain"), i, link) print_link(link, i == 0);
}

static void print_losers(const json_t *rules)
{
    size_t i, count = 0;
    json_t *rule;
    json_array_foreach((json_t *)(uintptr_t)rules, i, rule)
    {
        if (member_flag(rule, "wins"))
            continue;
        if (!count++)
            puts("\nOther rules that match, and why they do not decide:");
        printf("  - ");
        print_rule_line(rule);
        printf("\n    %s\n", member_text(rule, "why"));
    }
}

static void print_no_winner(const json_t *result)
{
    static const struct {
        const char *policy, *text;
    } reasons[] = {{"none", "The view has no policy zones."},
                   {"refused", "No view takes this client."},
                   {"not-reached", "The client may not ask this, or policy is not for it."}};
    const char *text = json_array_size(json_object_get(result, "rules")) ? "Rules match, but none decides."
                                                                         : "No rule matches.";
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (!strcmp(reasons[i].policy, member_text(result, "policy")))
            text = reasons[i].text;
    printf("\n%s\n", text);
}

void print_explain(const json_t *result)
{
    const json_t *rules = json_object_get(result, "rules"), *winner = NULL;
    for (size_t i = 0; i < json_array_size(rules) && !winner; i++)
        if (member_flag(json_array_get(rules, i), "wins"))
            winner = json_array_get(rules, i);
    print_question(json_object_get(result, "question"));
    print_answer(json_object_get(result, "answer"));
    if (winner)
        print_winner(winner);
    else
        print_no_winner(result);
    if (member_flag(result, "escapes_with_do"))
        puts("  but a client that sets DO is given the truth: it is signed, and break-dnssec is no");
    print_truth(json_object_get(result, "truth"), member_flag(result, "before_recursion"));
    print_losers(rules);
}
