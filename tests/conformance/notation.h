/* packetdrill's packet notation, read: "S. 0:0(0) ack 1 win 65535 <mss 1460,nop,wscale 7>".
 *
 * Numbers are relative. `r` stands for RCV.NXT and `s` for SND.NXT as reach() left them, also as r+1 or s-1; `*` matches
 * anything. In an expectation ack, win, urg and what stands in <...> may be left out or be `*`; without <> there are no
 * options, nop and eol do not count.
 */
#ifndef TESTS_CONFORMANCE_NOTATION_H
#define TESTS_CONFORMANCE_NOTATION_H

#include <stdbool.h>
#include <stdint.h>

#define NOTATION_OPTIONS 40

/* Where the numbers of one direction begin. */
struct notation_bases {
    uint32_t seq, ack;
    uint32_t ts_value, ts_echo;
    uint32_t r, s;
};

/* A number that may be left out. */
struct notation_number {
    uint32_t value;
    bool given, any;
};

/* A line, its numbers absolute. */
struct notation {
    uint8_t flags;
    uint32_t length;
    struct notation_number seq, ack, window, urgent;
    bool any_options;
    uint8_t options[NOTATION_OPTIONS],
        mask[NOTATION_OPTIONS]; /* as on the wire; mask 0: any byte */
    uint32_t option_bytes;
};

/* NULL, or what is wrong with the text. */
const char *notation_parse(struct notation *line, const char *text,
                           const struct notation_bases *bases);

/* Whether options on the wire are those of the line. */
bool notation_options_match(const struct notation *line, const uint8_t *options, uint32_t length);

#endif
