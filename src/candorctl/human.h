/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Numbers, times and tables for people. Pure, but for table_print() and what prints. */
#ifndef CANDORCTL_HUMAN_H
#define CANDORCTL_HUMAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { HUMAN_MAX = 64 };

/* "0 B", "999 B", "1.5 KiB", "12 MiB". Writes to `out` (HUMAN_MAX bytes) and returns it. */
char *human_bytes(int64_t bytes, char *out);

/* "1,234,567" */
char *human_count(int64_t count, char *out);

/* "45 s", "3 min 5 s", "2 h 10 min", "5 d 3 h" */
char *human_duration(int64_t seconds, char *out);

/* "2026-11-21 21:30:00 (3 min 5 s ago)"; "never" for 0. Local time. */
char *human_time(int64_t when, int64_t now, char *out);

/* The mailbox that an SOA's RNAME stands for: "host\.master.example.org." is "host.master@example.org". `out`
 * has `size` bytes. */
char *human_mailbox(const char *rname, char *out, size_t size);

/* A table with a heading and aligned columns; cells are copied. */
enum { TABLE_COLUMNS = 12 };
struct table {
    size_t columns, rows;
    bool right[TABLE_COLUMNS]; /* numbers stand to the right */
    char ***cells;             /* [row][column]; row 0 is the heading */
};

/* Begins with the heading; a heading that starts with '>' is a column of numbers. Ends with NULL. */
void table_begin(struct table *table, const char *first, ...);
/* As many texts as there are columns; NULL is an empty cell. */
void table_row(struct table *table, const char *const *cells);
/* Prints and frees. Columns that are empty in every row are left out. */
void table_print(struct table *table, FILE *out);

#endif
