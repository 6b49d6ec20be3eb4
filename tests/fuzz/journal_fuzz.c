/* Fuzzer of the journal. Text: any bytes as lines; a record that is read must be the very line that writing it gives. Lies: a
 * journal is written, something in it is changed, and verifying must find that; and must find nothing where nothing was. */
#include <stdlib.h>

#include <handfast/os.h>

#include "base/must.h"
#include "fuzz/input.h"
#include "journal/verify.h"

#define RECORDS_MAX 24u

struct text {
    char bytes[(RECORDS_MAX + 1) * JOURNAL_LINE_MAX];
    size_t length;
    size_t start[RECORDS_MAX + 1]; /* of each line */
    unsigned lines;
};

/* ---- any text ---- */

static void check_record(const char *line, size_t length)
{
    char again[JOURNAL_LINE_MAX];
    struct record record;
    size_t written;

    if (!record_parse(&record, line, length))
        return;
    must(length <= JOURNAL_LINE_MAX);
    written = record_build(again, &record);
    if (record.is_seal) {
        must(record.seal.signed_length == written);
        written = record_close_seal(again, written, record.seal.mac);
    }
    must(written == length && memcmp(again, line, length) == 0);
}

static void verify_text(struct journal_verify *verify, const char *text, size_t length, bool open)
{
    const char *end = text + length;
    bool go_on = true;

    while (go_on && text < end) {
        const char *newline = memchr(text, '\n', (size_t)(end - text));

        if (!newline)
            break;
        check_record(text, (size_t)(newline + 1 - text));
        go_on = journal_verify_line(verify, text, (size_t)(newline + 1 - text));
        text = newline + 1;
    }
    journal_verify_end(verify, go_on ? (size_t)(end - text) : 0, open);
    must(journal_lie_word(verify->verdict.lie)[0] != '?');
}

static void any_text(struct input *input)
{
    struct journal_verify verify;

    journal_verify_init(&verify, hf_os_crypto(), NULL);
    verify_text(&verify, (const char *)input->at, input_left(input), false);
    journal_verify_wipe(&verify);
}

/* ---- a journal, and a lie ---- */

static void write_fact(struct chain *chain, struct input *input, struct text *text,
                       struct journal_time time)
{
    static const char *const kinds[] = {"event", JOURNAL_KIND_START, JOURNAL_KIND_CLOCK, "block"};
    const char *kind = kinds[input_u8(input) & 3];
    struct record_body body = {.length = 0};
    char words[64];

    words[input_bytes(input, words, input_u8(input) % sizeof words)] = '\0';
    record_add_text(&body, "what", words);
    record_add_number(&body, "count", input_u16(input));
    text->length +=
        chain_append(chain, &(struct chain_fact){time, kind, body.bytes, strlen(kind), body.length},
                     text->bytes + text->length);
}

static void write_journal(struct input *input, struct text *text, const struct journal_key *key)
{
    struct journal_time time = {INT64_C(1700000000) * 1000000, 1000};
    unsigned count = 4 + input_u8(input) % (RECORDS_MAX - 4);
    struct chain chain;

    chain_init(&chain, hf_os_crypto());
    chain.key = *key;
    for (; text->lines < count; text->lines++) {
        unsigned step = input_u8(input);

        time.wall_us += step * 1000;
        time.mono_us += step * 1000;
        text->start[text->lines] = text->length;
        if (text->lines > 0 && (step % 4 == 0 || text->lines + 1 == count)) {
            text->length += chain_seal(&chain, time, "time", text->bytes + text->length);
            journal_key_evolve(&chain.key, chain.ops);
        } else {
            write_fact(&chain, input, text, time);
        }
    }
    text->start[text->lines] = text->length;
}

static void remove_line(struct text *text, unsigned line)
{
    size_t start = text->start[line], next = text->start[line + 1];

    memmove(text->bytes + start, text->bytes + next, text->length - next);
    text->length -= next - start;
}

/* Before the last line: what is changed there shows in the next. False: nothing is changed. */
static bool tell_lie(struct input *input, struct text *text)
{
    unsigned how = input_u8(input) % 5, line = 1 + input_u8(input) % (text->lines - 2);
    size_t start = text->start[line], length = text->start[line + 1] - start;
    size_t at = input_u32(input) % text->start[text->lines - 1];
    uint8_t other = input_u8(input);

    switch (how) {
    case 0: return false;
    case 1: text->bytes[at] = (char)(text->bytes[at] ^ (other ? other : 1)); return true;
    case 2: remove_line(text, line); return true;
    case 3: /* it stands twice */
        memmove(text->bytes + start + length, text->bytes + start, text->length - start);
        text->length += length;
        return true;
    default: /* a byte is missing */
        memmove(text->bytes + at, text->bytes + at + 1, text->length - at - 1);
        text->length--;
        return true;
    }
}

static void a_lie(struct input *input)
{
    static struct text text;
    uint8_t secret[JOURNAL_KEY_BYTES];
    struct journal_verify verify;
    struct journal_key key;
    bool with_key = input_u8(input) & 1, changed;

    text.length = text.lines = 0;
    memset(secret, 0x4b, sizeof secret);
    journal_key_init(&key, hf_os_crypto(), secret);
    write_journal(input, &text, &key);
    changed = tell_lie(input, &text);
    journal_verify_init(&verify, hf_os_crypto(), with_key ? &key : NULL);
    verify_text(&verify, text.bytes, text.length, true);
    must((verify.verdict.lie != JOURNAL_HONEST) == changed);
    journal_verify_wipe(&verify);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};

    if (!hf_os_crypto())
        return 0; /* built without libcrypto: there is no journal */
    if (size > 0 && data[0] == '{')
        any_text(&input);
    else
        a_lie(&input);
    return 0;
}
