/* packetdrill's packet notation, read. */
#include "notation.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "wire/tcp_option.h"

struct reader {
    const char *at;
    const struct notation_bases *bases;
    const char *wrong;
};

static void skip_blanks(struct reader *reader)
{
    while (*reader->at == ' ')
        reader->at++;
}

/* Whether the text goes on with this word; takes it. */
static bool take(struct reader *reader, const char *word)
{
    size_t length = strlen(word);

    skip_blanks(reader);
    if (strncmp(reader->at, word, length) != 0)
        return false;
    reader->at += length;
    return true;
}

static void expect(struct reader *reader, const char *word)
{
    if (!take(reader, word) && !reader->wrong)
        reader->wrong = word;
}

static uint32_t plain_number(struct reader *reader)
{
    char *end;
    unsigned long value;

    skip_blanks(reader);
    value = strtoul(reader->at, &end, 0);
    if (end == reader->at && !reader->wrong)
        reader->wrong = "a number";
    reader->at = end;
    return (uint32_t)value;
}

/* Digits, r, s, r+1, s-1 or *, counted from `base`. */
static struct notation_number number(struct reader *reader, uint32_t base)
{
    struct notation_number result = {.given = true};

    skip_blanks(reader);
    if (take(reader, "*")) {
        result.any = true;
        return result;
    }
    if (*reader->at == 'r' || *reader->at == 's') {
        result.value = *reader->at++ == 'r' ? reader->bases->r : reader->bases->s;
        if (*reader->at == '+' || *reader->at == '-') {
            bool minus = *reader->at++ == '-';
            uint32_t offset = plain_number(reader);

            result.value += minus ? 0 - offset : offset;
        }
    } else {
        result.value = plain_number(reader);
    }
    result.value += base;
    return result;
}

static void read_flags(struct reader *reader, struct notation *line)
{
    static const char letters[] = "FSRP.UEW"; /* in the order of their bits */
    const char *letter;

    skip_blanks(reader);
    if (*reader->at == '-')
        reader->at++;
    for (; *reader->at && (letter = strchr(letters, *reader->at)) != NULL; reader->at++)
        line->flags |= (uint8_t)(1u << (letter - letters));
}

/* first:end(length) */
static void read_sequence(struct reader *reader, struct notation *line)
{
    struct notation_number end;

    line->seq = number(reader, reader->bases->seq);
    expect(reader, ":");
    end = number(reader, reader->bases->seq);
    expect(reader, "(");
    line->length = plain_number(reader);
    expect(reader, ")");
    if (!line->seq.any && end.value - line->seq.value != line->length && !reader->wrong)
        reader->wrong = "first:end(length) that agree";
}

static void put(struct notation *line, uint32_t value, uint32_t bytes, bool any)
{
    for (uint32_t i = 0; i < bytes && line->option_bytes < NOTATION_OPTIONS; i++) {
        line->mask[line->option_bytes] = any ? 0 : 0xff;
        line->options[line->option_bytes++] = (uint8_t)(value >> 8 * (bytes - 1 - i));
    }
}

static void put_head(struct notation *line, uint32_t kind, uint32_t length)
{
    put(line, kind, 1, false);
    put(line, length, 1, false);
}

static void put_number(struct notation *line, struct notation_number value)
{
    put(line, value.value, 4, value.any);
}

/* "sack 1:3 5:7"; its numbers count from the acknowledged side's first byte */
static void read_sack(struct reader *reader, struct notation *line)
{
    uint32_t head = line->option_bytes;

    put_head(line, TCP_KIND_SACK, 2);
    do {
        put_number(line, number(reader, reader->bases->ack));
        expect(reader, ":");
        put_number(line, number(reader, reader->bases->ack));
        if (head < NOTATION_OPTIONS - 1)
            line->options[head + 1] = (uint8_t)(line->options[head + 1] + 8);
        skip_blanks(reader);
    } while (*reader->at && *reader->at != ',' && *reader->at != '>' && !reader->wrong);
}

/* Bytes as they are: "hex fd04abcd". */
static void read_hex(struct reader *reader, struct notation *line)
{
    char pair[3] = {0};

    skip_blanks(reader);
    while (strchr("0123456789abcdef", *reader->at) && *reader->at && reader->at[1]) {
        memcpy(pair, reader->at, 2);
        put(line, (uint32_t)strtoul(pair, NULL, 16), 1, false);
        reader->at += 2;
    }
}

static void read_option(struct reader *reader, struct notation *line)
{
    if (take(reader, "mss")) {
        struct notation_number mss = number(reader, 0);

        put_head(line, TCP_KIND_MSS, 4);
        put(line, mss.value, 2, mss.any);
    } else if (take(reader, "wscale")) {
        struct notation_number scale = number(reader, 0);

        put_head(line, TCP_KIND_SCALE, 3);
        put(line, scale.value, 1, scale.any);
    } else if (take(reader, "sackOK")) {
        put_head(line, TCP_KIND_SACK_PERMITTED, 2);
    } else if (take(reader, "sack")) {
        read_sack(reader, line);
    } else if (take(reader, "TS")) {
        put_head(line, TCP_KIND_TIMESTAMPS, 10);
        expect(reader, "val");
        put_number(line, number(reader, reader->bases->ts_value));
        expect(reader, "ecr");
        put_number(line, number(reader, reader->bases->ts_echo));
    } else if (take(reader, "nop")) {
        put(line, TCP_KIND_NOP, 1, false);
    } else if (take(reader, "eol")) {
        put(line, TCP_KIND_END, 1, false);
    } else if (take(reader, "hex")) {
        read_hex(reader, line);
    } else if (!reader->wrong) {
        reader->wrong = "an option";
    }
}

static void read_options(struct reader *reader, struct notation *line)
{
    if (take(reader, "...")) {
        line->any_options = true;
    } else if (*reader->at != '>') {
        do
            read_option(reader, line);
        while (take(reader, ",") && !reader->wrong);
    }
    expect(reader, ">");
}

const char *notation_parse(struct notation *line, const char *text,
                           const struct notation_bases *bases)
{
    struct reader reader = {.at = text, .bases = bases};

    memset(line, 0, sizeof *line);
    read_flags(&reader, line);
    read_sequence(&reader, line);
    if (take(&reader, "ack"))
        line->ack = number(&reader, bases->ack);
    if (take(&reader, "win"))
        line->window = number(&reader, 0);
    if (take(&reader, "urg"))
        line->urgent = number(&reader, 0);
    if (take(&reader, "<"))
        read_options(&reader, line);
    skip_blanks(&reader);
    if (*reader.at && !reader.wrong)
        reader.wrong = "the end of the line";
    return reader.wrong;
}

/* The next option that is no padding; 0 at the end. */
static uint32_t next_option(const uint8_t *options, uint32_t length, uint32_t *at)
{
    while (*at < length && options[*at] == TCP_KIND_NOP)
        ++*at;
    if (*at + 1 >= length || options[*at] == TCP_KIND_END)
        return 0;
    return *at + options[*at + 1] <= length ? options[*at + 1] : length - *at;
}

bool notation_options_match(const struct notation *line, const uint8_t *options, uint32_t length)
{
    uint32_t a = 0, b = 0, bytes;

    if (line->any_options)
        return true;
    while ((bytes = next_option(line->options, line->option_bytes, &a)) != 0) {
        if (next_option(options, length, &b) != bytes)
            return false;
        for (uint32_t i = 0; i < bytes; i++)
            if ((options[b + i] ^ line->options[a + i]) & line->mask[a + i])
                return false;
        a += bytes;
        b += bytes;
    }
    return next_option(options, length, &b) == 0;
}
