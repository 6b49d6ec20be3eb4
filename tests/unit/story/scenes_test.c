/* What each scene claims is what its run counted; nothing here compares words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "story/story.h"

static struct story *told(const char *name)
{
    const struct story_scene *scene = story_find(name);

    assert_non_null(scene);
    struct story *story = story_tell(scene);
    if (story->failed)
        fail_msg("%s: %s", name, story->trouble);
    return story;
}

#define assert_fact(story, name, value) assert_int_equal(story_fact(story, name), value)

/* Segments of the story whose notation begins so, in this direction. */
static unsigned count_segments(const struct story *story, const char *begins, bool to_left)
{
    unsigned count = 0;

    for (size_t i = 0; i < story->count; i++)
        count += story->beats[i].shown && story->beats[i].row.arrow &&
                 story->beats[i].row.to_left == to_left &&
                 strncmp(story->beats[i].row.text, begins, strlen(begins)) == 0;
    return count;
}

static bool is_spoken(const struct story *story, const char *line)
{
    for (size_t i = 0; i < story->count; i++)
        for (unsigned language = 0; language < STORY_LANGUAGES; language++)
            if (story->beats[i].line[language] && strcmp(story->beats[i].line[language], line) == 0)
                return story->beats[i].row.arrow;
    return false;
}

/* [RFC 9293 3.5] */
static void three_segments_open(void **state)
{
    struct story *story = told("handshake");

    (void)state;
    assert_fact(story, "together", true);
    assert_fact(story, "segments", 3);
    assert_int_equal(count_segments(story, "S 0:0(0) ", false), 1);
    assert_int_equal(count_segments(story, "S. 0:0(0) ack 1 ", true), 1);
    assert_int_equal(count_segments(story, ". 1:1(0) ack 1 ", false), 1);
    assert_true(is_spoken(story, "Amily, 我喜欢你。"));
    assert_true(is_spoken(story, "Karma, 我也喜欢你。"));
    assert_true(is_spoken(story, "你喜欢我, 我也喜欢你, 那我们在一起吧。"));
    story_free(story);
}

/* [RFC 9293 3.6] */
static void four_segments_close_and_the_server_begins(void **state)
{
    struct story *story = told("close");

    (void)state;
    assert_fact(story, "close_wait", true);
    assert_true(story_fact(story, "late_bytes") > 0);
    assert_fact(story, "time_wait", true);
    assert_fact(story, "closed", true);
    assert_int_equal(count_segments(story, "F.", true), 1);
    assert_int_equal(count_segments(story, "F.", false), 1);
    assert_true(story->beats[0].row.to_left);
    assert_true(is_spoken(story, "Amily, 让我准备一下。"));
    assert_true(is_spoken(story, "OK, 那我们去登记。"));
    story_free(story);
}

static void two_steps_open_a_ghost_and_three_do_not(void **state)
{
    struct story *story = told("two-way");

    (void)state;
    assert_fact(story, "amily_does_not_know", true);
    assert_fact(story, "amily_knows", true);
    assert_fact(story, "ghosts_under_two", 1);
    assert_fact(story, "ghosts_under_three", 0);
    assert_fact(story, "listens_again", true);
    story_free(story);
}

static void the_number_counts_only_with_its_flag(void **state)
{
    struct story *story = told("flags");

    (void)state;
    assert_fact(story, "answered_without_ack", 1);
    assert_fact(story, "refused_with_ack", 1);
    story_free(story);
}

/* [RFC 9293 3.10.7.1] */
static void a_closed_door_refuses(void **state)
{
    struct story *story = told("refused");

    (void)state;
    assert_fact(story, "refused", true);
    assert_fact(story, "resets", 1);
    assert_int_equal(count_segments(story, "R.", true), 1);
    story_free(story);
}

static void one_source_or_many_lock_nobody_out(void **state)
{
    static const char *const names[] = {"dos", "ddos"};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        struct story *story = told(names[i]);

        assert_fact(story, "served", 100);
        assert_true(story_fact(story, "served_textbook") < 10);
        assert_true(story_fact(story, "cookies") > story_fact(story, "syns") * 9 / 10);
        if (i == 0) { /* a sixteenth of 1,024, and the honest */
            assert_true(story_fact(story, "source_limited") > 0);
            assert_true(story_fact(story, "half_opens") <= 64 + 15);
        } else {
            assert_fact(story, "source_limited", 0);
        }
        story_free(story);
    }
}

static void a_poor_mirror(void **state)
{
    struct story *story = told("drdos");

    (void)state;
    assert_fact(story, "textbook_packets", 6000);
    assert_fact(story, "calm_packets", 3000);
    assert_true(story_fact(story, "flooded_packets") <= 1000);
    assert_true(story_fact(story, "flooded_bytes") <= 1000);
    assert_fact(story, "broadcast_answers", 0);
    assert_true(story_fact(story, "broadcast_frames") > 0);
    story_free(story);
}

static void the_flood_works_while_owners_are_silent(void **state)
{
    struct story *story = told("flood");

    (void)state;
    assert_true(story_fact(story, "served_silent") < 10);
    assert_fact(story, "served_resetting", 100);
    assert_fact(story, "half_opens_silent", 64);
    assert_true(story_fact(story, "repeats_silent") > 0);
    story_free(story);
}

/* Each cure helps, and costs what it is said to. */
static void release_hurts_the_honest_too(void **state)
{
    struct story *story = told("release");

    (void)state;
    assert_true(story_fact(story, "served_none") < 10);
    assert_true(story_fact(story, "served_release") > 80);
    assert_true(story_fact(story, "turned_away_release") > 0);
    assert_true(story_fact(story, "turned_away_fast") > story_fact(story, "turned_away_release"));
    assert_true(story_fact(story, "released") > 0);
    story_free(story);
}

static void a_cache_holds_more_in_the_same_memory(void **state)
{
    struct story *story = told("cache");

    (void)state;
    assert_fact(story, "served_cache", 100);
    assert_fact(story, "turned_away_cache", 0);
    assert_true(story_fact(story, "turned_away_fast") > 0);
    assert_true(story_fact(story, "entries") > 64);
    assert_true(story_fact(story, "bytes_cache") <= story_fact(story, "bytes_none"));
    story_free(story);
}

static void a_cookie_keeps_nothing(void **state)
{
    struct story *story = told("cookie");

    (void)state;
    assert_fact(story, "served_cookie", 100);
    assert_fact(story, "served_fast", 100);
    assert_fact(story, "half_opens", 0);
    assert_fact(story, "kept_bytes", 0);
    assert_true(story_fact(story, "cookies") >= story_fact(story, "syns_fast"));
    assert_fact(story, "turned_away", 0);
    assert_fact(story, "mss_cookie", story_fact(story, "mss_cache"));
    assert_fact(story, "scale_cookie", 7);
    assert_true(story_fact(story, "mss_plain") < 1460);
    assert_true(story_fact(story, "scale_plain") < 7);
    story_free(story);
}

/* RFC 9293 says otherwise (MUST-23): the textbook's server, which was asked for. */
static void the_textbook_says_it_once(void **state)
{
    struct story *story = told("timeout");

    (void)state;
    assert_fact(story, "syn_acks", 1);
    assert_fact(story, "resent", 0);
    assert_fact(story, "resets", 1);
    assert_fact(story, "listens", true);
    assert_fact(story, "karma_reset", true);
    story_free(story);
}

/* [RFC 5961 3.2] */
static void a_reset_must_be_exact_and_signed(void **state)
{
    struct story *story = told("forged-reset");

    (void)state;
    assert_fact(story, "outside", 1);
    assert_fact(story, "challenged", 1);
    assert_fact(story, "still_there", true);
    assert_fact(story, "registered", true);
    assert_fact(story, "ended", true);
    assert_fact(story, "amily_waits", true);
    assert_fact(story, "not_believed", 1);
    assert_fact(story, "registered_signed", true);
    story_free(story);
}

/* [RFC 5925 7.3] */
static void only_the_right_password_is_believed(void **state)
{
    struct story *story = told("signed");

    (void)state;
    assert_fact(story, "together", true);
    assert_fact(story, "not_believed", 2);
    assert_fact(story, "opened_right", 1);
    assert_fact(story, "opened_wrong", 0);
    assert_fact(story, "opened_none", 0);
    assert_fact(story, "refused_wrong", 1);
    assert_fact(story, "refused_none", 1);
    assert_fact(story, "answers_wrong", 0);
    assert_fact(story, "answers_none", 0);
    story_free(story);
}

/* Whatever is said is said in both languages, and each segment has both ends' states unless it has no sender or never came. */
static void every_scene_is_whole(void **state)
{
    (void)state;
    for (const struct story_scene *scene = story_scenes; scene->name; scene++) {
        struct story *story = told(scene->name);

        assert_true(story->count > 0);
        for (size_t i = 0; i < story->count; i++) {
            const struct story_beat *beat = &story->beats[i];

            assert_int_equal(!beat->line[STORY_EN], !beat->line[STORY_ZH]);
            assert_int_equal(!beat->why[STORY_EN], !beat->why[STORY_ZH]);
            if (!beat->shown || !beat->row.arrow)
                continue;
            assert_true(strlen(beat->row.text) > 0);
            assert_true(beat->row.injected || *beat->row.state[beat->row.to_left]);
            assert_true(!beat->row.arrived || *beat->row.state[!beat->row.to_left]);
        }
        story_free(story);
    }
}

static void a_scene_is_the_same_each_time(void **state)
{
    struct story *first = told("two-way"), *second = told("two-way");

    (void)state;
    assert_int_equal(first->count, second->count);
    for (size_t i = 0; i < first->count; i++)
        assert_string_equal(first->beats[i].row.text, second->beats[i].row.text);
    story_free(first);
    story_free(second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_segments_open),
        cmocka_unit_test(four_segments_close_and_the_server_begins),
        cmocka_unit_test(two_steps_open_a_ghost_and_three_do_not),
        cmocka_unit_test(the_number_counts_only_with_its_flag),
        cmocka_unit_test(a_closed_door_refuses),
        cmocka_unit_test(one_source_or_many_lock_nobody_out),
        cmocka_unit_test(a_poor_mirror),
        cmocka_unit_test(the_flood_works_while_owners_are_silent),
        cmocka_unit_test(release_hurts_the_honest_too),
        cmocka_unit_test(a_cache_holds_more_in_the_same_memory),
        cmocka_unit_test(a_cookie_keeps_nothing),
        cmocka_unit_test(the_textbook_says_it_once),
        cmocka_unit_test(a_reset_must_be_exact_and_signed),
        cmocka_unit_test(only_the_right_password_is_believed),
        cmocka_unit_test(every_scene_is_whole),
        cmocka_unit_test(a_scene_is_the_same_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
