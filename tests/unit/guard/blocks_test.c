/* Blocks: added, ended, kept on disk and read again; files that are not ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/time.h"
#include "guard/blocks.h"

#include <handfast/os.h>

static int64_t start_us; /* of this program */
#define NOW_US start_us

struct place {
    char directory[64], file[80];
};

static struct place make_place(void)
{
    struct place place = {"/tmp/hf-blocks-XXXXXX", ""};

    assert_non_null(mkdtemp(place.directory));
    snprintf(place.file, sizeof place.file, "%s/blocks", place.directory);
    return place;
}

static void remove_place(const struct place *place)
{
    char aside[96];

    snprintf(aside, sizeof aside, "%s.bad", place->file);
    unlink(place->file);
    unlink(aside);
    assert_int_equal(rmdir(place->directory), 0); /* nothing else was left there */
}

static void write_file(const struct place *place, const char *text)
{
    FILE *file = fopen(place->file, "w");

    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void open_blocks(struct blocks *blocks, const char *directory)
{
    char error[BLOCKS_ERROR_MAX];

    assert_true(blocks_open(blocks, directory, NULL, error));
}

static struct hf_prefix prefix_of(const char *text)
{
    struct hf_prefix prefix;

    assert_int_equal(hf_prefix_parse(&prefix, text), HF_OK);
    return prefix;
}

static bool add(struct blocks *blocks, const char *prefix, int64_t for_us, const char *reason)
{
    char error[BLOCKS_ERROR_MAX] = "";
    struct block block = {.prefix = prefix_of(prefix)};
    bool good;

    snprintf(block.reason, sizeof block.reason, "%s", reason);
    good = blocks_add(blocks, &block, for_us, NOW_US, error);
    assert_int_equal(good, error[0] == '\0');
    return good;
}

static const struct block *find(const struct blocks *blocks, const char *text)
{
    struct hf_prefix prefix = prefix_of(text);

    return blocks_find(blocks, &prefix);
}

static void blocks_come_and_go(void **state)
{
    struct blocks blocks;
    uint64_t generation;
    struct hf_prefix other = prefix_of("198.51.100.0/25"), one = prefix_of("198.51.100.0/24");

    (void)state;
    open_blocks(&blocks, "");
    assert_true(add(&blocks, "2001:db8:5::/48", 0, ""));
    assert_true(add(&blocks, "198.51.100.77/24", 0, "scans"));
    assert_true(add(&blocks, "10.0.0.1", US_PER_S, "for a second"));
    assert_int_equal(blocks.count, 3);
    assert_ptr_equal(find(&blocks, "10.0.0.1"), &blocks.all[0]); /* in order, IPv4 first */
    assert_string_equal(find(&blocks, "198.51.100.0/24")->reason, "scans");
    generation = blocks.generation;
    assert_true(add(&blocks, "198.51.100.0/24", 0, "again"));
    assert_int_equal(blocks.count, 3);
    assert_string_equal(find(&blocks, "198.51.100.0/24")->reason, "again");
    assert_true(blocks.generation != generation);
    assert_false(blocks_remove(&blocks, &other));
    assert_true(blocks_remove(&blocks, &one));
    assert_int_equal(blocks.count, 2);
    assert_null(find(&blocks, "198.51.100.0/24"));
    blocks_close(&blocks);
}

static void blocks_end(void **state)
{
    struct blocks blocks;
    uint64_t generation;

    (void)state;
    open_blocks(&blocks, "");
    assert_int_equal(blocks.next_expiry_us, INT64_MAX);
    assert_true(add(&blocks, "10.0.0.0/8", 2 * US_PER_S, ""));
    assert_true(add(&blocks, "10.1.0.0/16", US_PER_S, ""));
    assert_true(add(&blocks, "10.2.0.0/16", 0, ""));
    assert_int_equal(blocks.next_expiry_us, NOW_US + US_PER_S);
    generation = blocks.generation;
    assert_int_equal(blocks_turn(&blocks, NOW_US + US_PER_S - 1), 0);
    assert_int_equal(blocks.generation, generation);
    assert_int_equal(blocks_turn(&blocks, NOW_US + US_PER_S), 1);
    assert_true(blocks.generation != generation);
    assert_null(find(&blocks, "10.1.0.0/16"));
    assert_int_equal(blocks_turn(&blocks, NOW_US + 5 * US_PER_S), 1);
    assert_non_null(find(&blocks, "10.2.0.0/16"));
    assert_int_equal(blocks.next_expiry_us, INT64_MAX);
    blocks_close(&blocks);
}

static void what_is_no_block(void **state)
{
    struct blocks blocks;
    char error[BLOCKS_ERROR_MAX];
    struct block block = {.prefix = prefix_of("192.0.2.0/24")};

    (void)state;
    open_blocks(&blocks, "");
    assert_false(add(&blocks, "0.0.0.0/0", 0, ""));
    assert_false(add(&blocks, "::/0", 0, ""));
    assert_false(add(&blocks, "192.0.2.0/24", 0, "two\nlines"));
    assert_false(add(&blocks, "192.0.2.0/24", -1, ""));
    memset(block.reason, 'x', sizeof block.reason);
    assert_false(blocks_add(&blocks, &block, 0, NOW_US, error));
    assert_non_null(strstr(error, "reason"));
    assert_int_equal(blocks.count, 0);
    blocks_close(&blocks);
}

static void there_is_a_limit(void **state)
{
    struct blocks blocks;
    char text[32];

    (void)state;
    open_blocks(&blocks, "");
    for (unsigned i = 0; i < BLOCKS_MAX; i++) {
        snprintf(text, sizeof text, "10.%u.%u.0/24", i >> 8, i & 255);
        assert_true(add(&blocks, text, 0, ""));
    }
    assert_false(add(&blocks, "192.0.2.0/24", 0, ""));
    assert_true(add(&blocks, "10.0.7.0/24", 0, "this one is there already"));
    blocks_close(&blocks);
}

static void they_are_kept(void **state)
{
    struct place place = make_place();
    struct blocks blocks;
    struct stat status;

    (void)state;
    open_blocks(&blocks, place.directory);
    assert_int_equal(blocks.count, 0);
    assert_true(add(&blocks, "198.51.100.0/24", 0, "scans \"every\" port"));
    assert_true(add(&blocks, "2001:db8:5::/48", (int64_t)3600 * US_PER_S, ""));
    assert_true(add(&blocks, "192.0.2.7", 1, "over before the next start"));
    blocks_close(&blocks);
    assert_int_equal(stat(place.file, &status), 0);
    assert_int_equal(status.st_mode & 0777 & ~0640u, 0);

    open_blocks(&blocks, place.directory);
    assert_int_equal(blocks.count, 2);
    assert_true(blocks.generation > 0);
    assert_string_equal(find(&blocks, "198.51.100.0/24")->reason, "scans \"every\" port");
    assert_int_equal(find(&blocks, "198.51.100.0/24")->until_us, INT64_MAX);
    assert_true(find(&blocks, "2001:db8:5::/48")->until_us < INT64_MAX);
    assert_true(find(&blocks, "2001:db8:5::/48")->until_wall_us > 0);
    blocks_close(&blocks);
    remove_place(&place);
}

static void files_that_are_not_ours_are_set_aside(void **state)
{
    static const char *const texts[] = {
        "",
        "not JSON",
        "{}",
        "{\"version\": 2, \"blocks\": []}",
        "{\"version\": 1, \"blocks\": {}}",
        "{\"version\": 1, \"blocks\": [{}]}",
        "{\"version\": 1, \"blocks\": [7]}",
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/33\", \"since\": 1, \"until\": "
        "null, \"reason\": \"\"}]}",
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/24\", \"since\": 1, \"until\": "
        "-1, \"reason\": \"\"}]}",
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/24\", \"since\": 1, \"until\": "
        "9223372036854775807, \"reason\": \"\"}]}",
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/24\", \"since\": \"1\", \"until\": "
        "null, \"reason\": \"\"}]}",
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/0\", \"since\": 1, \"until\": "
        "null, \"reason\": \"everybody\"}]}",
        "{\"version\": 1, \"version\": 1, \"blocks\": []}",
    };

    (void)state;
    for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct place place = make_place();
        struct blocks blocks;
        char aside[96];

        write_file(&place, texts[i]);
        open_blocks(&blocks, place.directory);
        assert_int_equal(blocks.count, 0);
        blocks_close(&blocks);
        snprintf(aside, sizeof aside, "%s.bad", place.file);
        assert_int_equal(access(place.file, F_OK), -1);
        assert_int_equal(access(aside, F_OK), 0);
        remove_place(&place);
    }
}

static void a_file_cut_at_every_byte(void **state)
{
    static const char whole[] =
        "{\"version\": 1, \"blocks\": [{\"prefix\": \"192.0.2.0/24\", \"since\": 1, \"until\": "
        "null, "
        "\"reason\": \"r\"}, {\"prefix\": \"192.0.2.9/24\", \"since\": 1, \"until\": null, "
        "\"reason\": \"the same again\"}]}";

    (void)state;
    for (size_t length = 0; length < sizeof whole; length++) {
        struct place place = make_place();
        struct blocks blocks;
        char text[sizeof whole];

        memcpy(text, whole, length);
        text[length] = '\0';
        write_file(&place, text);
        open_blocks(&blocks, place.directory);
        assert_int_equal(blocks.count, length == sizeof whole - 1 ? 1 : 0);
        blocks_close(&blocks);
        remove_place(&place);
    }
}

/* A directory that is not there costs nothing but the memory of blocks: they are in force. */
static void a_disk_that_fails_costs_nobody(void **state)
{
    struct place place = make_place();
    struct blocks blocks;
    char nowhere[96];

    (void)state;
    snprintf(nowhere, sizeof nowhere, "%s/nowhere", place.directory);
    open_blocks(&blocks, nowhere);
    assert_true(add(&blocks, "192.0.2.0/24", 0, ""));
    assert_int_equal(blocks.count, 1);
    blocks_close(&blocks);
    remove_place(&place);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_come_and_go),
        cmocka_unit_test(blocks_end),
        cmocka_unit_test(what_is_no_block),
        cmocka_unit_test(there_is_a_limit),
        cmocka_unit_test(they_are_kept),
        cmocka_unit_test(files_that_are_not_ours_are_set_aside),
        cmocka_unit_test(a_file_cut_at_every_byte),
        cmocka_unit_test(a_disk_that_fails_costs_nobody),
    };

    start_us = hf_os_now_us();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
