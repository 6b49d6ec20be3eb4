/* Every kind of lie, told to a verifier that must name it; and what a stolen key can and cannot do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <handfast/os.h>

#include "journal/verify.h"

#define LINES_MAX 64
#define SEAL_EVERY 5

struct book {
    size_t count;
    char line[LINES_MAX][JOURNAL_LINE_MAX];
    size_t length[LINES_MAX];
    struct chain chain;
    struct journal_time time;
};

static const struct hf_crypto_ops *ops;
static struct journal_key first_key;

static void move(struct book *book, size_t to, const struct book *from, size_t at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memcpy(book->line[to + i], from->line[at + i], JOURNAL_LINE_MAX);
        book->length[to + i] = from->length[at + i];
    }
}

static void say(struct book *book, const char *kind, const char *text)
{
    struct record_body body = {.length = 0};

    record_add_text(&body, "text", text);
    book->time.mono_us += 1000;
    book->time.wall_us += 1000;
    book->length[book->count] = chain_append(
        &book->chain, &(struct chain_fact){book->time, kind, body.bytes, strlen(kind), body.length},
        book->line[book->count]);
    book->count++;
}

static void seal(struct book *book, const char *why)
{
    book->length[book->count] = chain_seal(&book->chain, book->time, why, book->line[book->count]);
    book->count++;
    journal_key_evolve(&book->chain.key, ops);
}

/* Records 1 to 20, of which 5, 10 and 15 are seals by time and 20 is the last one. */
static void write_book_of(struct book *book, const struct journal_key *key, const char *first)
{
    char text[32];

    memset(book, 0, sizeof *book);
    chain_init(&book->chain, ops);
    book->chain.key = *key;
    book->time = (struct journal_time){INT64_C(1763872267000000), 5000000};
    say(book, JOURNAL_KIND_START, first);
    while (book->chain.seq < 18) {
        snprintf(text, sizeof text, "fact %d", (int)book->chain.seq);
        if ((book->chain.seq + 1) % SEAL_EVERY == 0)
            seal(book, "time");
        else
            say(book, "log", text);
    }
    say(book, JOURNAL_KIND_STOP, "it ends");
    seal(book, "stop");
}

static void write_book(struct book *book)
{
    write_book_of(book, &first_key, "it begins");
}

static struct journal_verdict read_book(const struct book *book, bool with_key, bool open)
{
    struct journal_verify verify;

    journal_verify_init(&verify, ops, with_key ? &first_key : NULL);
    for (size_t i = 0; i < book->count; i++)
        if (!journal_verify_line(&verify, book->line[i], book->length[i]))
            break;
    journal_verify_end(&verify, 0, open);
    return verify.verdict;
}

static void expect(const struct book *book, enum journal_lie lie, uint64_t first, uint64_t last)
{
    for (int with_key = 0; with_key < 2; with_key++) {
        struct journal_verdict is = read_book(book, with_key != 0, false);

        if (is.lie != lie || is.first != first || is.last != last)
            fail_msg("%s %llu..%llu, expected %s %llu..%llu", journal_lie_word(is.lie),
                     (unsigned long long)is.first, (unsigned long long)is.last,
                     journal_lie_word(lie), (unsigned long long)first, (unsigned long long)last);
    }
}

static void remove_lines(struct book *book, size_t at, size_t count)
{
    struct book *copy = malloc(sizeof *copy);

    *copy = *book;
    move(book, at, copy, at + count, book->count - at - count);
    book->count -= count;
    free(copy);
}

static void swap_lines(struct book *book, size_t a, size_t b)
{
    struct book *copy = malloc(sizeof *copy);

    *copy = *book;
    move(book, a, copy, b, 1);
    move(book, b, copy, a, 1);
    free(copy);
}

/* Each lie has a word of its own: scripts look for it. */
static void lies_have_words(void **state)
{
    (void)state;
    for (unsigned a = JOURNAL_HONEST; a <= JOURNAL_WRONG_KEY; a++) {
        assert_string_not_equal(journal_lie_word((enum journal_lie)a), "?");
        for (unsigned b = JOURNAL_HONEST; b < a; b++)
            assert_string_not_equal(journal_lie_word((enum journal_lie)a),
                                    journal_lie_word((enum journal_lie)b));
    }
    assert_string_equal(journal_lie_word((enum journal_lie)(JOURNAL_WRONG_KEY + 1)), "?");
}

/* What the writer could not write down is said, summed up, and no lie; afterwards the verifier forgets the key. */
static void dropped_facts_are_summed(void **state)
{
    static const struct journal_key nothing;
    struct book *book = *state;
    struct journal_verify verify;
    struct record_body body = {.length = 0};

    memset(book, 0, sizeof *book);
    chain_init(&book->chain, ops);
    book->chain.key = first_key;
    book->time = (struct journal_time){INT64_C(1763872267000000), 5000000};
    say(book, JOURNAL_KIND_START, "it begins");
    record_add_number(&body, "count", 7);
    for (int i = 0; i < 2; i++) {
        book->length[book->count] =
            chain_append(&book->chain,
                         &(struct chain_fact){book->time, JOURNAL_KIND_DROPPED, body.bytes,
                                              strlen(JOURNAL_KIND_DROPPED), body.length},
                         book->line[book->count]);
        book->count++;
    }
    say(book, JOURNAL_KIND_DROPPED, "without a number");
    seal(book, "stop");
    journal_verify_init(&verify, ops, &first_key);
    for (size_t i = 0; i < book->count; i++)
        assert_true(journal_verify_line(&verify, book->line[i], book->length[i]));
    journal_verify_end(&verify, 0, false);
    assert_int_equal(verify.verdict.lie, JOURNAL_HONEST);
    assert_int_equal(verify.dropped, 14);
    assert_int_equal(verify.seals, 1);
    journal_verify_wipe(&verify);
    assert_memory_equal(&verify.key, &nothing, sizeof nothing);
}

/* ---- the lies ---- */

static void an_honest_book_is_honest(void **state)
{
    struct book *book = *state;

    write_book(book);
    assert_int_equal(book->count, 20);
    expect(book, JOURNAL_HONEST, 0, 0);
}

/* Every bit of every line; the very last one has nobody after it but its own seal. */
static void one_changed_bit_is_found_in_its_record(void **state)
{
    struct book *book = *state;
    size_t seen = 0, tried = 0;

    write_book(book);
    for (size_t i = 0; i < book->count; i++)
        for (size_t at = 0; at < book->length[i]; at++) {
            char *byte = &book->line[i][at];
            struct journal_verdict is;

            *byte = (char)(*byte ^ 1 << (at + i) % 7);
            is = read_book(book, true, false);
            *byte = (char)(*byte ^ 1 << (at + i) % 7);
            assert_int_not_equal(is.lie, JOURNAL_HONEST);
            if (i + 1 < book->count) {
                /* Its number can be read otherwise; then what is missing, or moved, is named. */
                bool numbered = is.lie == JOURNAL_REMOVED || is.lie == JOURNAL_REORDERED;

                if (!numbered) {
                    assert_int_equal(is.line, i + 1);
                    assert_int_equal(is.lie, JOURNAL_ALTERED);
                    assert_int_equal(is.first, i + 1);
                    assert_int_equal(is.last, i + 1);
                }
                seen += !numbered;
                tried++;
            }
        }
    assert_true(tried > 3000 && tried - seen <= 3 * book->count); /* digits of numbers */
}

static void without_a_key_a_changed_bit_is_found_by_the_next_record(void **state)
{
    struct book *book = *state;

    write_book(book);
    for (size_t i = 0; i + 2 < book->count;
         i++) { /* of the last two it would be one or the other */
        char *byte = strstr(book->line[i], "\"kind\":\"") + 8;

        *byte ^= 1;
        expect(book, JOURNAL_ALTERED, i + 1, i + 1);
        *byte ^= 1;
    }
}

/* He has taken the machine over when it was in this epoch, and writes the book anew from this record on. */
static void rewrite(struct book *book, size_t from, uint64_t epoch)
{
    struct journal_key stolen = first_key;

    while (stolen.epoch < epoch)
        journal_key_evolve(&stolen, ops);
    book->count = from;
    book->chain.seq = from;
    chain_hash(ops, book->line[from - 1], book->length[from - 1], book->chain.hash);
    book->chain.key = stolen;
    book->time = (struct journal_time){INT64_C(1763872267000000) + 20000, 5000000 + 20000};
}

static void removed_records_are_named(void **state)
{
    struct book *book = *state;

    for (size_t count = 1; count < 8; count++)
        for (size_t at = 1; at + count < 20; at++) {
            write_book(book);
            remove_lines(book, at, count);
            expect(book, JOURNAL_REMOVED, at + 1, at + count);
        }
    for (size_t count = 1; count < 19; count++) { /* of the first nobody knows how many they were */
        write_book(book);
        remove_lines(book, 0, count);
        expect(book, JOURNAL_REMOVED, count, count);
    }
}

/* The file after begins with `continued`, and that of a guard that found none, with `start`: they are whole. */
static void a_file_may_begin_late(void **state)
{
    static const char *const kinds[] = {JOURNAL_KIND_CONTINUED, JOURNAL_KIND_START};
    struct book *book = *state;

    for (size_t i = 0; i < 2; i++) {
        write_book(book);
        rewrite(book, 10, 2);
        say(book, kinds[i], "here it goes on");
        say(book, JOURNAL_KIND_STOP, "in order");
        seal(book, "stop");
        remove_lines(book, 0, 10);
        expect(book, JOURNAL_HONEST, 0, 0);
        book->line[0][strcspn(book->line[0], ":") + 1] ^= 2; /* its number, 11: 31 */
        assert_int_not_equal(read_book(book, true, false).lie, JOURNAL_HONEST);
    }
}

/* One alteration, any: what was changed is named, with key or without. Where two readings fit, both are allowed. */
static void random_lies_are_named(void **state)
{
    struct book *book = *state, *other = malloc(sizeof *other);
    const uint8_t secret[JOURNAL_KEY_BYTES] = {7};
    struct journal_key others_key;
    uint64_t dice = 0x6c696573;

    printf("seed 0x%llx\n", (unsigned long long)dice);
    journal_key_init(&others_key, ops, secret);
    for (int round = 0; round < 3000; round++) {
        struct journal_verdict is;
        size_t line, at;

        dice = dice * UINT64_C(6364136223846793005) + 1442695040888963407;
        line = dice >> 33 & 15;
        at = dice >> 40;
        write_book(book);
        *other = *book;
        switch (dice >> 61) {
        case 0: /* a bit */
        case 1:
            at %= book->length[line] - 1;
            book->line[line][at] = (char)(book->line[line][at] ^ 1 << (dice >> 37 & 7));
            expect(book, JOURNAL_ALTERED, line + 1, line + 1);
            break;
        case 2: /* a byte is missing */
            at %= book->length[line] - 1;
            memmove(book->line[line] + at, book->line[line] + at + 1, book->length[line] - at - 1);
            book->length[line]--;
            expect(book, JOURNAL_ALTERED, line + 1, line + 1);
            break;
        case 3: /* a record of another journal in its place */
            write_book_of(other, &others_key, "another begins");
            move(book, line, other, line, 1);
            expect(book, JOURNAL_ALTERED, line + 1, line + 1);
            break;
        case 4: /* it stands twice, the second time anywhere */
            at = line + 1 + at % (19 - line);
            move(book, at + 1, other, at, book->count - at);
            move(book, at, other, line, 1);
            book->count++;
            expect(book, JOURNAL_REORDERED, line + 1, line + 1);
            break;
        case 5: /* it was moved back */
            at = line + 1 + at % (18 - line);
            move(book, line, other, line + 1, at - line);
            move(book, at, other, line, 1);
            expect(book, JOURNAL_REORDERED, line + 1, line + 1);
            break;
        default: /* several are gone */
            at = 1 + at % (18 - line);
            remove_lines(book, line, at);
            is = read_book(book, true, false);
            assert_int_equal(is.lie, JOURNAL_REMOVED);
            assert_int_equal(is.last, line + at);
            break;
        }
    }
    free(other);
}

static void records_in_another_order_are_named(void **state)
{
    struct book *book = *state;

    for (size_t a = 1; a < 18; a++)
        for (size_t b = a + 1; b < 19; b++) {
            write_book(book);
            swap_lines(book, a, b);
            expect(book, JOURNAL_REORDERED, a + 1, a + 1);
        }
    for (size_t b = 1; b < 19; b++) { /* neither of them stands where it was written */
        write_book(book);
        swap_lines(book, 0, b);
        expect(book, JOURNAL_REORDERED, b < 3 ? b : b + 1, b < 3 ? b : b + 1);
    }
}

static void a_record_that_stands_twice_is_named(void **state)
{
    struct book *book = *state, *copy = malloc(sizeof *copy);

    write_book(book);
    *copy = *book;
    move(book, 8, copy, 7, 13); /* record 8 in places 8 and 9 */
    book->count++;
    expect(book, JOURNAL_REORDERED, 8, 8);
    free(copy);
}

/* A running guard may have stopped anywhere between two records, but not within one. */
static void a_book_cut_at_every_byte(void **state)
{
    struct book *book = *state;

    write_book(book);
    for (size_t i = 0; i < book->count; i++)
        for (size_t at = 0; at < book->length[i]; at++)
            for (int open = 0; open < 2; open++) {
                struct journal_verify verify;

                if (i == 0 && at == 0)
                    continue;
                journal_verify_init(&verify, ops, &first_key);
                for (size_t j = 0; j < i; j++)
                    assert_true(journal_verify_line(&verify, book->line[j], book->length[j]));
                journal_verify_end(&verify, at, open != 0);
                if (at == 0 && open && i >= SEAL_EVERY) {
                    assert_int_equal(verify.verdict.lie, JOURNAL_HONEST);
                    continue;
                }
                assert_int_equal(verify.verdict.lie,
                                 at == 0 && open ? JOURNAL_SEAL_GAP : JOURNAL_TRUNCATED);
                if (verify.verdict.lie == JOURNAL_TRUNCATED)
                    assert_int_equal(verify.verdict.last, i);
            }
}

static void time_that_goes_backwards_is_named(void **state)
{
    static const struct {
        int64_t wall_us, mono_us;
        bool odd;
    } steps[] = {{-2000000, 0, true},  {0, -2000, true},   {2000000, 0, true},
                 {-900000, 0, false},  {900000, 0, false}, {3600000000, 3600000000, false},
                 {-2000, -2000, true}, {0, 2000000, true}};

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct book *book = *state;

        write_book(book);
        book->count = 7;
        chain_hash(ops, book->line[6], book->length[6], book->chain.hash);
        book->chain.seq = 7;
        book->chain.key = first_key;
        journal_key_evolve(&book->chain.key, ops);
        book->time = (struct journal_time){INT64_C(1763872267000000) + 6000, 5000000 + 6000};
        book->time.wall_us += steps[i].wall_us;
        book->time.mono_us += steps[i].mono_us;
        say(book, "log", "when?");
        say(book, "log", "then");
        seal(book, "stop");
        expect(book, steps[i].odd ? JOURNAL_TIME : JOURNAL_HONEST, steps[i].odd ? 8 : 0,
               steps[i].odd ? 8 : 0);
    }
}

static void a_clock_that_was_set_and_said_so_is_no_lie(void **state)
{
    struct book *book = *state;
    struct journal_verify verify;

    memset(book, 0, sizeof *book);
    chain_init(&book->chain, ops);
    book->time = (struct journal_time){INT64_C(1763872267000000), 5000000};
    say(book, JOURNAL_KIND_START, "it begins");
    book->time.wall_us -= 3600000000;
    say(book, JOURNAL_KIND_CLOCK, "an hour back");
    say(book, "log", "x");
    book->time = (struct journal_time){0, 1000}; /* another start of the machine, its clock unset */
    say(book, JOURNAL_KIND_START, "again");
    say(book, JOURNAL_KIND_STOP, "it ends");
    assert_int_equal(read_book(book, false, false).lie, JOURNAL_HONEST);
    journal_verify_init(&verify, ops, NULL);
    for (size_t i = 0; i < book->count; i++)
        assert_true(journal_verify_line(&verify, book->line[i], book->length[i]));
    assert_int_equal(verify.clock_steps, 2);
    assert_int_equal(verify.starts, 2);
}

/* The writer himself leaves out a number. */
static void a_gap_that_the_chain_hides_is_named(void **state)
{
    struct book *book = *state;

    write_book(book);
    book->count = 8;
    book->chain.seq = 9;
    chain_hash(ops, book->line[7], book->length[7], book->chain.hash);
    say(book, "log", "the tenth after the eighth");
    say(book, "log", "and on");
    say(book, JOURNAL_KIND_STOP, "it ends");
    expect(book, JOURNAL_GAP, 10, 9);
}

static void a_key_without_seals_is_a_lie(void **state)
{
    struct book *book = *state;

    memset(book, 0, sizeof *book);
    chain_init(&book->chain, ops);
    say(book, JOURNAL_KIND_START, "it begins");
    say(book, JOURNAL_KIND_STOP, "it ends");
    assert_int_equal(read_book(book, false, false).lie, JOURNAL_HONEST);
    assert_int_equal(read_book(book, true, false).lie, JOURNAL_SEAL_GAP);
}

static void another_journals_key_is_named(void **state)
{
    struct book *book = *state;
    struct journal_key right = first_key;
    uint8_t other[JOURNAL_KEY_BYTES] = {9};

    write_book(book);
    journal_key_init(&first_key, ops, other);
    assert_int_equal(read_book(book, true, false).lie, JOURNAL_WRONG_KEY);
    first_key = right;
}

/* ---- who holds the present key ---- */

static void with_the_present_key_no_sealed_past_is_written(void **state)
{
    struct book *book = *state;
    struct journal_verdict is;

    for (size_t from = 1; from < 15; from++)
        for (uint64_t written_epoch = 0; written_epoch < 4; written_epoch++) {
            uint64_t held = 3; /* seals 0, 1 and 2 were made before he came */

            write_book(book);
            rewrite(book, from, held);
            book->chain.key.epoch = written_epoch; /* he may claim any number */
            say(book, "log", "nothing happened here");
            seal(book, "time");
            say(book, JOURNAL_KIND_STOP, "in order");
            seal(book, "stop");
            is = read_book(book, true, false);
            assert_true(is.lie == JOURNAL_REWRITTEN || is.lie == JOURNAL_SEAL_GAP);
        }
}

/* What was not sealed yet is his: it is the price of an interval, and it is bounded by it. */
static void what_was_not_sealed_he_can_write(void **state)
{
    struct book *book = *state;

    write_book(book);
    rewrite(book, 15, 3);
    say(book, JOURNAL_KIND_STOP, "in order");
    seal(book, "stop");
    expect(book, JOURNAL_HONEST, 0, 0);
}

/* He cannot go back from the present key to the one before: it is no function of what the machine still holds. This only shows
 * that nothing of it is left there. */
static void an_evolved_key_holds_nothing_of_the_one_before(void **state)
{
    struct journal_key key = first_key;

    (void)state;
    for (int i = 0; i < 1000; i++) {
        uint8_t before[JOURNAL_KEY_BYTES];
        size_t same = 0;

        memcpy(before, key.secret, sizeof before);
        journal_key_evolve(&key, ops);
        for (size_t j = 0; j < sizeof before; j++)
            same += before[j] == key.secret[j];
        assert_true(same < 8);
    }
    assert_int_equal(key.epoch, 1000);
    assert_memory_equal(key.id, first_key.id, sizeof key.id);
}

/* Without a key the whole book can be written anew, and only a seal says so. */
static void a_chain_written_anew_fits_but_its_seal_does_not(void **state)
{
    struct book *book = *state, *copy = malloc(sizeof *copy);
    uint8_t guessed[JOURNAL_KEY_BYTES] = {1};
    struct journal_verdict is;

    write_book(book);
    *copy = *book;
    memset(book, 0, sizeof *book);
    chain_init(&book->chain, ops);
    book->time = (struct journal_time){INT64_C(1763872267000000), 5000000};
    journal_key_init(&book->chain.key, ops, guessed);
    memcpy(book->chain.key.id, first_key.id, sizeof first_key.id);
    say(book, JOURNAL_KIND_START, "it begins");
    say(book, JOURNAL_KIND_STOP, "and ends");
    seal(book, "stop");
    assert_int_equal(read_book(book, false, false).lie, JOURNAL_HONEST);
    is = read_book(book, true, false);
    assert_int_equal(is.lie, JOURNAL_REWRITTEN);
    assert_int_equal(is.first, 1);
    assert_int_equal(is.last, 3);
    free(copy);
}

static void a_cut_middle_shows_in_the_epochs(void **state)
{
    struct book *book = *state;

    write_book(book);
    rewrite(book, 7, 3); /* the seals of epochs 1 and 2 are gone with records 10 and 15 */
    say(book, JOURNAL_KIND_STOP, "in order");
    seal(book, "stop");
    expect(book, JOURNAL_SEAL_GAP, 1, 2);
}

/* Who cannot make seals could stop making them: an end that is open for hours was not written by a guard. */
static void an_end_that_nobody_sealed_for_hours_is_named(void **state)
{
    struct book *book = *state;

    write_book(book);
    rewrite(book, 15, 3);
    say(book, "log", "an hour later");
    assert_int_equal(read_book(book, true, true).lie, JOURNAL_HONEST);
    for (int i = 0; i < 3; i++) {
        book->time.mono_us += INT64_C(3600000000);
        book->time.wall_us += INT64_C(3600000000);
        say(book, "log", "all is well");
    }
    assert_int_equal(read_book(book, true, true).lie, JOURNAL_SEAL_GAP);
    assert_int_equal(read_book(book, true, true).first, 3);
}

static int set_up(void **state)
{
    uint8_t secret[JOURNAL_KEY_BYTES];

    ops = hf_os_crypto();
    if (ops == NULL)
        return -1;
    for (size_t i = 0; i < sizeof secret; i++)
        secret[i] = (uint8_t)(i + 1);
    journal_key_init(&first_key, ops, secret);
    *state = malloc(sizeof(struct book));
    return *state == NULL;
}

static int tear_down(void **state)
{
    free(*state);
    return 0;
}

int main(void)
{
    if (hf_os_crypto() == NULL)
        return 77; /* built without libcrypto */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lies_have_words),
        cmocka_unit_test(dropped_facts_are_summed),
        cmocka_unit_test(an_honest_book_is_honest),
        cmocka_unit_test(one_changed_bit_is_found_in_its_record),
        cmocka_unit_test(without_a_key_a_changed_bit_is_found_by_the_next_record),
        cmocka_unit_test(removed_records_are_named),
        cmocka_unit_test(a_file_may_begin_late),
        cmocka_unit_test(random_lies_are_named),
        cmocka_unit_test(records_in_another_order_are_named),
        cmocka_unit_test(a_record_that_stands_twice_is_named),
        cmocka_unit_test(a_book_cut_at_every_byte),
        cmocka_unit_test(time_that_goes_backwards_is_named),
        cmocka_unit_test(a_clock_that_was_set_and_said_so_is_no_lie),
        cmocka_unit_test(a_gap_that_the_chain_hides_is_named),
        cmocka_unit_test(a_key_without_seals_is_a_lie),
        cmocka_unit_test(another_journals_key_is_named),
        cmocka_unit_test(with_the_present_key_no_sealed_past_is_written),
        cmocka_unit_test(what_was_not_sealed_he_can_write),
        cmocka_unit_test(an_evolved_key_holds_nothing_of_the_one_before),
        cmocka_unit_test(a_chain_written_anew_fits_but_its_seal_does_not),
        cmocka_unit_test(a_cut_middle_shows_in_the_epochs),
        cmocka_unit_test(an_end_that_nobody_sealed_for_hours_is_named),
    };

    if (hf_os_crypto() == NULL) /* a build without libcrypto */
        return 77;
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
