/* One record of the journal as a line of text: JSON in a fixed order of members, ended by a newline. docs/journal.md has it byte by byte. */
#ifndef JOURNAL_RECORD_H
#define JOURNAL_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_FORMAT 1
#define JOURNAL_HASH_BYTES 32
#define JOURNAL_KEY_ID_BYTES 8
#define JOURNAL_KIND_MAX 32   /* letters of a kind                      */
#define JOURNAL_BODY_MAX 1600 /* the members between "kind" and "prev"  */
#define JOURNAL_LINE_MAX 2048 /* with the newline                       */

#define JOURNAL_KIND_START "start"         /* a guard begins: monotonic time may begin anew     */
#define JOURNAL_KIND_STOP "stop"           /* it ended in order                                 */
#define JOURNAL_KIND_ROTATED "rotated"     /* the last fact of a file that another one goes on  */
#define JOURNAL_KIND_CONTINUED "continued" /* the first record of the file that goes on         */
#define JOURNAL_KIND_DROPPED "dropped"     /* facts that nobody could write down                */
#define JOURNAL_KIND_CLOCK "clock"         /* somebody set the wall clock                       */
#define JOURNAL_KIND_SEAL "seal"

struct journal_time {
    int64_t wall_us; /* since 1970, UTC */
    int64_t mono_us; /* since the machine was started */
};

/* What a seal says beside what every record says. */
struct record_seal {
    uint64_t epoch;
    uint8_t key_id[JOURNAL_KEY_ID_BYTES];
    uint8_t mac[JOURNAL_HASH_BYTES];
    size_t signed_length; /* bytes of the line that the MAC covers */
};

struct record {
    uint64_t seq; /* from 1 */
    struct journal_time time;
    const char *kind, *body; /* point into the line; body begins with a comma, if it is not empty */
    size_t kind_length, body_length;
    uint8_t prev[JOURNAL_HASH_BYTES]; /* the hash of the line before, all zero for the first */
    bool is_seal;
    struct record_seal seal; /* if it is one */
};

/* Writes everything but a seal's MAC; record->is_seal leaves the line open for record_close_seal. Returns the length. kind and
 * body are within their limits. */
size_t record_build(char line[JOURNAL_LINE_MAX], const struct record *record);

/* Appends the MAC and the end. Returns the length. */
size_t record_close_seal(char line[JOURNAL_LINE_MAX], size_t length,
                         const uint8_t mac[JOURNAL_HASH_BYTES]);

/* A line with its newline. False: it is not one that record_build could have made. */
bool record_parse(struct record *record, const char *line, size_t length);

bool record_is(const struct record *record, const char *kind);

/* ---- the body ---- */

/* Members under construction; what does not fit is left out, a text is cut. */
struct record_body {
    size_t length;
    char bytes[JOURNAL_BODY_MAX];
};

/* ,"name":"value" with what JSON wants escaped; what is no UTF-8 becomes '?'. value NULL: nothing. */
void record_add_text(struct record_body *body, const char *name, const char *value);
void record_add_number(struct record_body *body, const char *name, uint64_t value);
void record_add_hex(struct record_body *body, const char *name, const uint8_t *bytes, size_t count);

/* A number that stands first in a body under this name; false if it does not. */
bool record_first_number(const struct record *record, const char *name, uint64_t *value);

/* "2026-11-23T04:31:07.123456Z", 27 letters without a final zero; before 1970 and after 9999 it is the nearest of them. */
#define RECORD_WALL_LETTERS 27
void record_put_wall(char text[RECORD_WALL_LETTERS], int64_t wall_us);

/* Lower case. */
void record_put_hex(char *text, const uint8_t *bytes, size_t count);
bool record_get_hex(uint8_t *bytes, const char *text, size_t count);

#endif
