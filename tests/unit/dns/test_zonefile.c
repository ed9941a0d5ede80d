/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "../unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dns/consts.h"
#include "dns/name.h"
#include "dns/record.h"
#include "dns/zonefile.h"

/* What a reading gave, as text: "FILE:LINE owner ttl type rdata" and "FILE:LINE ! message". */
static struct {
    char text[20000];
    size_t used, records, problems, fatals;
    uint64_t last_line;
    bool silent;
    int stop_after;
} seen;

static char folder[] = "/tmp/test_zonefile.XXXXXX";
static struct zonefile_options options;

static void note(const char *text)
{
    assert_true(seen.used + strlen(text) < sizeof seen.text);
    strcpy(seen.text + seen.used, text);
    seen.used += strlen(text);
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static int see_record(void *context, const struct zonefile_record *r)
{
    (void)context;
    char owner[NAME_TEXT_MAX], rdata[500], line[2000];
    assert_int_equal(r->rclass, CLASS_IN);
    seen.records++;
    seen.last_line = r->line;
    if (seen.stop_after && seen.records == (size_t)seen.stop_after)
        return ERR_CLOSED;
    if (seen.silent)
        return 0;
    rdata_to_text(r->type, r->rdata, r->rdata_length, rdata, sizeof rdata);
    snprintf(line, sizeof line, "%s:%llu %s %u %s %s\n", base_name(r->file), (unsigned long long)r->line,
             name_to_text(r->owner, owner), r->ttl_s, type_to_text(r->type), rdata);
    note(line);
    return 0;
}

static void see_problem(void *context, const struct zonefile_problem *p)
{
    (void)context;
    char line[2000];
    seen.problems++;
    seen.fatals += p->fatal;
    snprintf(line, sizeof line, "%s:%llu !%s %s%s%s\n", base_name(p->file), (unsigned long long)p->line,
             p->fatal ? "!" : "", p->owner_text ? p->owner_text : "", p->owner_text ? " " : "", p->message);
    if (!seen.silent)
        note(line);
}

static int prepare(void **state)
{
    (void)state;
    memset(&seen, 0, sizeof seen);
    options = (struct zonefile_options){.origin = (const uint8_t *)"\7example",
                                        .base_dir = folder,
                                        .record = see_record,
                                        .problem = see_problem};
    return 0;
}

static int read_text(const char *text)
{
    return zonefile_read_text(text, strlen(text), "z", &options);
}

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void assert_reads(const char *text, const char *expected)
{
    prepare(NULL);
    options.default_ttl_s = 60;
    assert_int_equal(read_text(text), 0);
    assert_string_equal(seen.text, expected);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

static void records_of_all_shapes(void **state)
{
    (void)state;
    assert_reads("", "");
    assert_reads("\n  \n\t; only a comment\n", "");
    assert_reads("a A 192.0.2.1", "z:1 a.example. 60 A 192.0.2.1\n"); /* no newline at the end */
    assert_reads("a 5m IN A 192.0.2.1 ; why\n  IN 2h AAAA ::1\n",
                 "z:1 a.example. 300 A 192.0.2.1\nz:2 a.example. 7200 AAAA ::1\n");
    assert_reads("A.b. TXT ( \"x;y\" ; comment )\n ab )\n@ NS ns\n",
                 "z:2 A.b. 60 TXT \"x;y\" \"ab\"\nz:3 example. 60 NS ns.example.\n");
    assert_reads("x TYPE65280 \\# 2 abcd\ny A \\# 4 c0000201\n",
                 "z:1 x.example. 60 TYPE65280 \\# 2 ABCD\nz:2 y.example. 60 A 192.0.2.1\n");
    assert_reads("*.b\\.c.\\100 CNAME *.\n", "z:1 *.b\\.c.d.example. 60 CNAME *.\n");
    assert_reads("32.1.2.0.192.rpz-ip CNAME rpz-drop.\n",
                 "z:1 32.1.2.0.192.rpz-ip.example. 60 CNAME rpz-drop.\n");
}

static void dos_newlines_are_newlines(void **state)
{
    (void)state;
    assert_reads("a A 192.0.2.1\r\n\r\nb A 192.0.2.2\r\n",
                 "z:1 a.example. 60 A 192.0.2.1\nz:3 b.example. 60 A 192.0.2.2\n");
    assert_reads("a A\r192.0.2.1\r", "z:1 a.example. 60 A 192.0.2.1\n");
}

static void ttl_and_origin_directives(void **state)
{
    (void)state;
    assert_reads(
        "$TTL 1d\na A 192.0.2.1\n$ORIGIN sub\nb 7 A 192.0.2.2\n$ORIGIN other.\n$ttl 9\nc A 192.0.2.3\n",
        "z:2 a.example. 86400 A 192.0.2.1\nz:4 b.sub.example. 7 A 192.0.2.2\n"
        "z:7 c.other. 9 A 192.0.2.3\n");
}

static void missing_ttl_is_the_one_before(void **state)
{
    (void)state;
    assert_int_equal(read_text("@ 100 SOA ns. h. 1 2 3 4 55\n@ NS ns.\na 7 A 192.0.2.1\nb A 192.0.2.2\n"), 0);
    assert_string_equal(seen.text, "z:1 example. 100 SOA ns. h. 1 2 3 4 55\nz:2 example. 100 NS ns.\n"
                                   "z:3 a.example. 7 A 192.0.2.1\nz:4 b.example. 7 A 192.0.2.2\n");
}

static void missing_ttl_of_the_soa_is_its_minimum_and_then_the_default(void **state)
{
    (void)state;
    assert_int_equal(read_text("@ SOA ns. h. 1 2 3 4 55\na 7 A 192.0.2.1\nb A 192.0.2.2\n"), 0);
    assert_string_equal(seen.text, "z:1 example. 55 SOA ns. h. 1 2 3 4 55\n"
                                   "z:2 a.example. 7 A 192.0.2.1\nz:3 b.example. 55 A 192.0.2.2\n");
}

static void no_ttl_at_all_is_a_problem_of_the_record(void **state)
{
    (void)state;
    assert_int_equal(read_text("a A 192.0.2.1\nb 5 A 192.0.2.2\n"), 0);
    assert_string_equal(seen.text, "z:1 ! a.example. no TTL: neither here nor before, and no $TTL\n"
                                   "z:2 b.example. 5 A 192.0.2.2\n");
}

static void ttl_with_the_top_bit_is_zero(void **state)
{
    (void)state;
    assert_reads("a 2147483647 A 192.0.2.1\nb 2147483648 A 192.0.2.1\n",
                 "z:1 a.example. 2147483647 A 192.0.2.1\nz:2 b.example. 0 A 192.0.2.1\n");
}

static void bad_record_is_reported_and_stepped_over(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "b A 300.1.1.1",
        "b BOGUS x",
        "b A",
        "b..c A 192.0.2.1",
        "b CNAME c..d",
        "b A ) 1.1.1.1",

        "b TXT \"x",
        "b A ( ( 1.1.1.1 ) )",
        "b MX x c",
        "b AAAA 1.1.1.1",
        "b 99999999999 A 1.1.1.1",
        "b CH A 1.1.1.1",
        "b A 1.1.1.1 x",
        "b A ( 300\n1 )",
        "$FOO bar",
        "b \\256 A 1.1.1.1",
        "b HTTPS 1 . port=x",
        "b TYPE1 \\# 3 abcdef",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa A 1.1.1.1",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[500];
        prepare(NULL);
        options.default_ttl_s = 60;
        snprintf(text, sizeof text, "a A 192.0.2.1\n%s\nc A 192.0.2.3\n", bad[i]);
        assert_int_equal(read_text(text), 0);
        if (!seen.problems || seen.records != 2)
            print_message("%s: %s", bad[i], seen.text);
        assert_true(seen.problems >= 1);
        assert_int_equal(seen.fatals, 0);
        assert_memory_equal(seen.text, "z:1 a.example.", 14);
        assert_non_null(strstr(seen.text, " c.example. 60 A 192.0.2.3\n"));
        assert_int_equal(seen.records, 2);
    }
}

static void any_character_without_a_meaning_may_stand_in_a_name(void **state)
{
    (void)state;
    assert_reads("a+b A 192.0.2.1\n  CNAME c:d,e.\nc A 192.0.2.3\n",
                 "z:1 a+b.example. 60 A 192.0.2.1\nz:2 a+b.example. 60 CNAME c:d,e.\n"
                 "z:3 c.example. 60 A 192.0.2.3\n");
    assert_reads("a=b AAAA ::1\n\303\244 CNAME @\n", "z:1 a=b.example. 60 AAAA ::1\n"
                                                     "z:2 \\195\\164.example. 60 CNAME example.\n");
    assert_reads("@ SOA n+s. a@b. (1 2 ; why\n3 4\n 5 )\nz A 192.0.2.1\n",
                 "z:1 example. 60 SOA n\\+s. a\\@b. 1 2 3 4 5\nz:4 z.example. 60 A 192.0.2.1\n");
    assert_reads("$GENERATE 1-2 a+$ CNAME b~$.\nz A 192.0.2.1\n",
                 "z:1 a+1.example. 60 CNAME b~1.\nz:1 a+2.example. 60 CNAME b~2.\n"
                 "z:2 z.example. 60 A 192.0.2.1\n");
}

static void odd_name_does_not_hide_another_mistake(void **state)
{
    (void)state;
    options.default_ttl_s = 60;
    assert_int_equal(
        read_text("a+b A 300.1.1.1\n  A 192.0.2.1\na+b..c A 192.0.2.1\nz A ) 192.0.2.1\ny A 192.0.2.1\n"), 0);
    assert_string_equal(seen.text,
                        "z:1 ! a+b.example. invalid IPv4 address\nz:2 a+b.example. 60 A 192.0.2.1\n"
                        "z:3 ! invalid domain name character\nz:4 ! z.example. too many right parentheses\n"
                        "z:5 y.example. 60 A 192.0.2.1\n");
}

static void blank_lines_behind_a_bad_owner_are_no_problem(void **state)
{
    (void)state;
    options.default_ttl_s = 60;
    assert_int_equal(read_text("a..b A 192.0.2.1\n  \n\t; why\n\nz A 192.0.2.1\n"), 0);
    assert_int_equal(seen.problems, 1);
}

static void problem_names_line_and_owner(void **state)
{
    (void)state;
    options.default_ttl_s = 60;
    assert_int_equal(read_text("\n\nb A 300.1.1.1\nc A 192.0.2.3\n"), 0);
    assert_string_equal(seen.text, "z:3 ! b.example. invalid IPv4 address\nz:4 c.example. 60 A 192.0.2.3\n");
}

static void record_without_owner_behind_a_bad_owner_is_not_given_to_another(void **state)
{
    (void)state;
    options.default_ttl_s = 60;
    assert_int_equal(read_text("a A 192.0.2.1\nb..c A 192.0.2.2\n  A 192.0.2.3\n"), 0);
    assert_int_equal(seen.records, 1);
    prepare(NULL);
    options.default_ttl_s = 60;
    assert_int_equal(read_text("a A 192.0.2.1\nb) A 192.0.2.2\n  A 192.0.2.3\n"), 0);
    assert_int_equal(seen.records, 1);
}

static void bad_directive_ends_the_reading(void **state)
{
    (void)state;
    static const char *const bad[] = {"$TTL x",          "$TTL",       "$ORIGIN a..b",
                                      "$ORIGIN",         "$INCLUDE",   "$INCLUDE nosuch",
                                      "$INCLUDE a b..c", "$INCLUDE /", "$INCLUDE \"a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[500];
        prepare(NULL);
        options.default_ttl_s = 60;
        snprintf(text, sizeof text, "a A 192.0.2.1\n%s\nc A 192.0.2.3\n", bad[i]);
        assert_true(read_text(text) < 0);
        assert_int_equal(seen.fatals, 1);
        assert_int_equal(seen.records, 1);
        assert_non_null(strstr(seen.text, "z:2 !! "));
    }
}

static void parenthesis_that_is_never_closed_is_fatal(void **state)
{
    (void)state;
    options.default_ttl_s = 60;
    assert_int_equal(read_text("a A 192.0.2.1\nb A ( 192.0.2.1\nc A 192.0.2.3\n"), ERR_MALFORMED);
    assert_int_equal(seen.problems, 1);
    assert_int_equal(seen.fatals, 1);
}

static void date_directive_of_bind_is_passed_over(void **state)
{
    (void)state;
    assert_reads("$DATE 20261121000000\na A 192.0.2.1\n", "z:2 a.example. 60 A 192.0.2.1\n");
}

static void include_reads_a_file_with_an_origin_that_reverts(void **state)
{
    (void)state;
    put_file("inc", "x A 192.0.2.9\n$ORIGIN q\n$TTL 3\ny A 192.0.2.8\n");
    assert_reads("a A 192.0.2.1\n$INCLUDE inc sub ; why\n A 192.0.2.2\nb A 192.0.2.3\n"
                 "$include \"inc\"\n$INCLUDE inc abs.\nc A 192.0.2.4\n",
                 "z:1 a.example. 60 A 192.0.2.1\n"
                 "inc:1 x.sub.example. 60 A 192.0.2.9\ninc:4 y.q.sub.example. 3 A 192.0.2.8\n"
                 "z:3 a.example. 3 A 192.0.2.2\nz:4 b.example. 3 A 192.0.2.3\n"
                 "inc:1 x.example. 3 A 192.0.2.9\ninc:4 y.q.example. 3 A 192.0.2.8\n"
                 "inc:1 x.abs. 3 A 192.0.2.9\ninc:4 y.q.abs. 3 A 192.0.2.8\n"
                 "z:7 c.example. 3 A 192.0.2.4\n");
}

static void include_inside_parentheses_or_quotes_is_none(void **state)
{
    (void)state;
    assert_reads("a TXT ( \"x\n$INCLUDE nosuch\n\" )\nb A 192.0.2.1\n",
                 "z:3 a.example. 60 TXT \"x\\010$INCLUDE nosuch\\010\"\nz:4 b.example. 60 A 192.0.2.1\n");
}

static void file_that_includes_itself_is_fatal(void **state)
{
    (void)state;
    put_file("one", "$INCLUDE two\n");
    put_file("two", "a 5 A 192.0.2.1\n$INCLUDE one\n");
    assert_int_equal(zonefile_read(path_of("one"), &options), ERR_MALFORMED);
    assert_int_equal(seen.records, 1);
    assert_int_equal(seen.fatals, 1);
    assert_non_null(strstr(seen.text, "two:2 !! "));
    assert_non_null(strstr(seen.text, "includes itself"));
}

static void depth_of_includes_is_bounded(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        char name[20], text[60];
        snprintf(name, sizeof name, "d%d", i);
        snprintf(text, sizeof text, "a 5 A 192.0.2.1\n$INCLUDE d%d\n", i + 1);
        put_file(name, i < 19 ? text : "a 5 A 192.0.2.1\n");
    }
    assert_int_equal(zonefile_read(path_of("d0"), &options), ERR_MALFORMED);
    assert_int_equal(seen.records, 17);
    prepare(NULL);
    options.max_include_depth = 20;
    assert_int_equal(zonefile_read(path_of("d0"), &options), 0);
    assert_int_equal(seen.records, 20);
}

static void missing_file_is_reported(void **state)
{
    (void)state;
    assert_string_equal(err_text(zonefile_read(path_of("nosuch"), &options)), "No such file or directory");
    assert_string_equal(seen.text, "nosuch:0 !! No such file or directory\n");
    assert_true(zonefile_read(folder, &options) < 0);
    assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
    assert_true(zonefile_read(path_of("fifo"), &options) < 0); /* and it does not wait for a writer */
}

static void result_of_the_callback_ends_the_reading(void **state)
{
    (void)state;
    seen.stop_after = 2;
    assert_int_equal(read_text("$TTL 1\na A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n"), ERR_CLOSED);
    assert_int_equal(seen.records, 2);
}

static void generate_in_all_its_forms(void **state)
{
    (void)state;
    assert_reads("$GENERATE 1-3 a$ A 10.0.0.$\n",
                 "z:1 a1.example. 60 A 10.0.0.1\nz:1 a2.example. 60 A 10.0.0.2\n"
                 "z:1 a3.example. 60 A 10.0.0.3\n");
    assert_reads("$GENERATE 0-4/2 b${0,3} CNAME c${1,4,x}\n",
                 "z:1 b000.example. 60 CNAME c0001.example.\nz:1 b002.example. 60 CNAME c0003.example.\n"
                 "z:1 b004.example. 60 CNAME c0005.example.\n");
    assert_reads("$generate 9-10 d${-9,2,d} 300 IN CNAME e${+1,0,o}.x ; why\n",
                 "z:1 d00.example. 300 CNAME e12.x.example.\nz:1 d01.example. 300 CNAME e13.x.example.\n");
    assert_reads("$GENERATE 10-10 ${0,0,n} PTR f${0,3,n}g${0,4,N}h${0,7,n}\n",
                 "z:1 a.example. 60 PTR fa.0gA.0.ha.0.0.0.example.\n");
    assert_reads("$GENERATE 300-300 n${0,7,N} CNAME z${0,0,n}\n",
                 "z:1 nC.2.1.0.example. 60 CNAME zc.2.1.example.\n");
    assert_reads("$GENERATE 1-1 i\\$$ CNAME j$$k\n", "z:1 i\\$1.example. 60 CNAME j\\$k.example.\n");
    assert_reads("$GENERATE 1-2 @ MX \"10 m$\"\n", "z:1 example. 60 MX 10 m1.example.\n"
                                                   "z:1 example. 60 MX 10 m2.example.\n");
    assert_reads("$GENERATE 171-171 u${0,0,X} CNAME ${0,6,X}.${0,2,x}\n",
                 "z:1 uAB.example. 60 CNAME 0000AB.ab.example.\n");
    assert_reads("$GENERATE 3-3 n${-5} CNAME x${-5,3,d}y${-5,0,x}\n",
                 "z:1 n-2.example. 60 CNAME x-02yfffffffe.example.\n");
}

static void generate_keeps_to_its_place(void **state)
{
    (void)state;
    put_file("gen", "$GENERATE 1-2 g$ A 192.0.2.$\n");
    assert_reads("$ORIGIN o.\na A 192.0.2.1\n$GENERATE 1-1 b$ A 192.0.2.2\n$INCLUDE gen in\nc A 192.0.2.3\n",
                 "z:2 a.o. 60 A 192.0.2.1\nz:3 b1.o. 60 A 192.0.2.2\n"
                 "gen:1 g1.in.o. 60 A 192.0.2.1\ngen:1 g2.in.o. 60 A 192.0.2.2\nz:5 c.o. 60 A 192.0.2.3\n");
}

static void bad_generate_is_reported_once_and_stepped_over(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "5-1 a$ A 192.0.2.1",
        "1-2/0 a$ A 192.0.2.1",
        "-1-2 a$ A 192.0.2.1",
        "1 a$ A 192.0.2.1",
        "1-2x a$ A 192.0.2.1",
        "1-2",
        "1-2 a$",
        "1-2 a${1,2,q} CNAME b",
        "1-2 a${1,2 CNAME b",
        "1-2 a${,2} CNAME b",
        "1-2 a${1,,d} CNAME b",
        "1-2 a${1,300} CNAME b",
        "1-2147483648 a$ CNAME b",
        "1-2000000 a$ CNAME b",
        "1-9 a$ A 300.0.0.$",

        "1-9 $$INCLUDE x A 192.0.2.1",
        "1-9 $$TTL 5",
        "",
        "1-9 a$ A ) 192.0.2.1",
        "1-9 a${ CNAME b",
        "1-9 a${",
        "1-9 a${1,2,} CNAME b",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char text[500];
        prepare(NULL);
        options.default_ttl_s = 60;
        snprintf(text, sizeof text, "x A 192.0.2.1\n$GENERATE %s\nc A 192.0.2.3\n", bad[i]);
        assert_int_equal(read_text(text), 0);
        if (seen.problems != 1)
            print_message("%s: %s", bad[i], seen.text);
        assert_int_equal(seen.problems, 1);
        assert_int_equal(seen.fatals, 0);
        assert_int_equal(seen.records, 2);
        assert_non_null(strstr(seen.text, "z:2 ! "));
        assert_non_null(strstr(seen.text, "z:3 c.example. 60 A 192.0.2.3\n"));
    }
}

static void generate_makes_as_many_as_allowed(void **state)
{
    (void)state;
    seen.silent = true;
    options.default_ttl_s = 60;
    options.max_generated = 100000;
    assert_int_equal(
        read_text("$GENERATE 1-100000 host$ A 192.0.2.1\n$GENERATE 1-100001 host$ A 192.0.2.1\n"), 0);
    assert_int_equal(seen.records, 100000);
    assert_int_equal(seen.problems, 1);
}

/* Larger than the pieces that a file is read in, with records over several lines at their borders. */
static void line_numbers_are_right_in_a_large_file(void **state)
{
    (void)state;
    enum { ROUNDS = 20000 };
    FILE *file = fopen(path_of("large"), "w");
    assert_non_null(file);
    for (int i = 0; i < ROUNDS; i++)
        fprintf(file, "a%d MX ( 10\r\n  mail.example.org. ; why (\r\n )\r\n\nb%d TXT \"(\"\n", i, i);
    fprintf(file, "bad A x\nlast A 192.0.2.1");
    fclose(file);
    seen.silent = true;
    options.default_ttl_s = 60;
    assert_int_equal(zonefile_read(path_of("large"), &options), 0);
    assert_int_equal(seen.records, 2 * ROUNDS + 1);
    assert_int_equal(seen.problems, 1);
    assert_int_equal(seen.last_line, 5 * ROUNDS + 2);
}

static void line_numbers_are_right_in_a_large_file_of_single_lines(void **state)
{
    (void)state;
    enum { LINES = 50000 };
    FILE *file = fopen(path_of("lines"), "w");
    assert_non_null(file);
    for (int i = 1; i <= LINES; i++) {
        fprintf(file, i % 1000 ? "a%d CNAME .\n" : "$GENERATE 1-1 a%d CNAME .\n", i);
    }
    fclose(file);
    seen.silent = true;
    options.default_ttl_s = 60;
    assert_int_equal(zonefile_read(path_of("lines"), &options), 0);
    assert_int_equal(seen.records, LINES);
    assert_int_equal(seen.problems, 0);
    assert_int_equal(seen.last_line, LINES);
}

static void record_longer_than_any_can_be_does_not_stop_the_rest(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("long"), "w");
    assert_non_null(file);
    fprintf(file, "a A 192.0.2.1\nb TXT (\n");
    for (int i = 0; i < 100000; i++)
        fprintf(file, "  aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n");
    fprintf(file, ")\nc A 192.0.2.3\n");
    fclose(file);
    seen.silent = true;
    options.default_ttl_s = 60;
    assert_int_equal(zonefile_read(path_of("long"), &options), 0);
    assert_int_equal(seen.records, 2);
    assert_true(seen.problems >= 1);
    assert_int_equal(seen.last_line, 100004);
}

/* Simple lines do not go through the scanner; behind a comment they do. Both ways must see the same. */
static void simple_lines_are_what_the_scanner_would_make_of_them(void **state)
{
    (void)state;
/* Four of them and few letters are the longest name. */
#define LABEL "b123456789c123456789d123456789e123456789f123456789g123456789."
    static const char *const owners[] = {"a",
                                         "*.b",
                                         "C.d",
                                         "x_y-1.z",
                                         "abs.net.",
                                         "7",
                                         "",
                                         " ",
                                         "@",
                                         "in",
                                         "cname",
                                         "a..b",
                                         ".",
                                         "a.b..",
                                         ".a",
                                         "*",
                                         "**",
                                         "-",
                                         "a/b",
                                         "300",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                                         LABEL LABEL LABEL LABEL "1",
                                         LABEL LABEL LABEL LABEL "12",
                                         LABEL LABEL LABEL LABEL "123456789.",
                                         LABEL LABEL LABEL LABEL "1234567890.",
                                         LABEL LABEL LABEL LABEL "123456789",
                                         LABEL LABEL LABEL LABEL LABEL};
#undef LABEL

    static const char *const middles[] = {" ",        "\t",          " 60 ", " IN ",         " 60 IN ",
                                          " in\t60 ", " 60 60 ",     " 1h ", " 4294967295 ", " CH ",
                                          " IN IN ",  " 999999999 ", "  ",   " 0000060 ",    " 60IN ",
                                          " -1 ",     " 60 IN 60 "};
    static const char *const types[] = {"CNAME", "cname", "CnAmE", "CNAMES", "A", "NS", "CNAME\t", "CNAME "};
    static const char *const ends[] = {
        " .",  " *.",      " a.b",  " a.b.", "\t*.c. ",
        " .a", " ..",      " a..",  " a b",  "",
        " @",  " 1.2.3.4", " .\t ", " 1",    " a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z."};
    static char text[2][1 << 16], first[sizeof seen.text];
    uint64_t dice = 1;
    for (unsigned round = 0; round < 400; round++) {
        char *at[2] = {text[0], text[1]};
        for (unsigned line = 0; line < 40; line++) {
            unsigned pick[4];
            for (unsigned i = 0; i < 4; i++) {
                dice = dice * 6364136223846793005u + 1442695040888963407u;
                pick[i] = (unsigned)(dice >> 40) % (dice >> 63 ? 4 : 100);
            }
            for (unsigned way = 0; way < 2; way++)
                at[way] +=
                    sprintf(at[way], "%s%s%s%s%s\n", owners[pick[0] % (sizeof owners / sizeof *owners)],
                            middles[pick[1] % (sizeof middles / sizeof *middles)],
                            types[pick[2] % (sizeof types / sizeof *types)],
                            ends[pick[3] % (sizeof ends / sizeof *ends)], way ? " ;" : "");
        }
        for (unsigned way = 0; way < 2; way++) {
            prepare(NULL);
            options.default_ttl_s = round % 2 ? 60 : 0;
            assert_int_equal(read_text(text[way]), 0);
            if (way)
                assert_string_equal(seen.text, first);
            memcpy(first, seen.text, sizeof first);
        }
    }
}

static uint64_t progress_bytes;

static void see_progress(void *context, uint64_t bytes)
{
    (void)context;
    assert_true(bytes >= progress_bytes);
    progress_bytes = bytes;
}

static void progress_ends_at_the_size_of_the_file(void **state)
{
    (void)state;
    struct stat status;
    seen.silent = true;
    options.default_ttl_s = 60;
    options.progress = see_progress;
    assert_int_equal(stat(path_of("large"), &status), 0);
    assert_int_equal(zonefile_read(path_of("large"), &options), 0);
    assert_int_equal(progress_bytes, status.st_size);
}

#define TEST(name) cmocka_unit_test_setup(name, prepare)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(records_of_all_shapes),
        TEST(dos_newlines_are_newlines),
        TEST(ttl_and_origin_directives),
        TEST(missing_ttl_is_the_one_before),
        TEST(missing_ttl_of_the_soa_is_its_minimum_and_then_the_default),
        TEST(no_ttl_at_all_is_a_problem_of_the_record),
        TEST(ttl_with_the_top_bit_is_zero),
        TEST(bad_record_is_reported_and_stepped_over),
        TEST(any_character_without_a_meaning_may_stand_in_a_name),
        TEST(odd_name_does_not_hide_another_mistake),
        TEST(blank_lines_behind_a_bad_owner_are_no_problem),
        TEST(problem_names_line_and_owner),
        TEST(record_without_owner_behind_a_bad_owner_is_not_given_to_another),
        TEST(bad_directive_ends_the_reading),
        TEST(parenthesis_that_is_never_closed_is_fatal),
        TEST(date_directive_of_bind_is_passed_over),
        TEST(include_reads_a_file_with_an_origin_that_reverts),
        TEST(include_inside_parentheses_or_quotes_is_none),
        TEST(file_that_includes_itself_is_fatal),
        TEST(depth_of_includes_is_bounded),
        TEST(missing_file_is_reported),
        TEST(result_of_the_callback_ends_the_reading),
        TEST(generate_in_all_its_forms),
        TEST(generate_keeps_to_its_place),
        TEST(bad_generate_is_reported_once_and_stepped_over),
        TEST(generate_makes_as_many_as_allowed),
        TEST(line_numbers_are_right_in_a_large_file),
        TEST(line_numbers_are_right_in_a_large_file_of_single_lines),
        TEST(record_longer_than_any_can_be_does_not_stop_the_rest),
        TEST(simple_lines_are_what_the_scanner_would_make_of_them),
        TEST(progress_ends_at_the_size_of_the_file),
    };
    return cmocka_run_group_tests_name("dns/zonefile", tests, make_folder, remove_folder);
}
