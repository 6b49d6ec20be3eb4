/* Syslog files of hosts and routers: their times, gaps and jumps. RFC 3164 4.1.2 and RFC 5424 6.2.3. */
#ifndef AUDIT_SYSLOG_H
#define AUDIT_SYSLOG_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define SYSLOG_BACK_S 5     /* lines of several writers overtake each other by so much       */
#define SYSLOG_QUIET_MIN 50 /* lines that must be known before a silence says anything        */
#define SYSLOG_GAP_S 3600   /* a silence is a gap if it is as long, and 100 times the average */
#define SYSLOG_GAP_TIMES 100

/* What is odd about a line's time. */
enum syslog_oddity {
    SYSLOG_GAP,  /* nothing was said for long   */
    SYSLOG_BACK, /* its clock went back         */
};

struct syslog_finding {
    enum syslog_oddity oddity;
    uint64_t line;
    int64_t before_s, at_s; /* wall time, of the sender's own clock */
};

/* The instant at the beginning of a line: "Nov 23 05:07:12" (a year is taken from `year`), "2026-11-23T05:07:12...", "1782191232", each
 * perhaps behind "<PRI>", "<PRI>1 ", or a router's "NUMBER: ", "*" or ".". false: there is none. */
bool syslog_time(const char *line, int year, int64_t *at_s);

struct syslog {
    uint64_t lines, dated;
    int64_t first_s, last_s;
    int year;
};

/* Reads a file to its end and tells each oddity. */
void syslog_read(struct syslog *syslog, FILE *file, int64_t now_s,
                 void (*found)(void *context, const struct syslog_finding *finding), void *context);

#endif
