/* Rates from two answers of a guard. */
#include "unit/os/test.h"

#include <handfast/stats.h>

#include "app/top_model.h"

static json_t *answer(int64_t now_us, int64_t syns, int64_t bytes, int64_t refused)
{
    json_t *reply =
        json_pack("{s:I, s:{s:I, s:I, s:I, s:I}, s:{s:I}, s:[{s:I, s:I, s:I}]}", "now_us",
                  (json_int_t)now_us, "counters", "syn_received", (json_int_t)syns, "bytes_in",
                  (json_int_t)bytes, "cookie_bad", (json_int_t)refused, "cookie_replayed",
                  (json_int_t)refused, "driver", "dropped", (json_int_t)0, "top", "id",
                  (json_int_t)7, "bytes_in", (json_int_t)bytes, "bytes_out", (json_int_t)0);

    assert_non_null(reply);
    return reply;
}

static void one_answer_has_no_rates(void **state)
{
    struct top_model model = {.now = NULL};

    (void)state;
    top_model_take(&model, answer(1000000, 5, 5, 5));
    assert_false(model.rates.known);
    json_t *json = top_rates_json(&model.rates);
    assert_true(json_is_null(json));
    json_decref(json);
    top_model_clear(&model);
}

static void differences_by_the_guards_own_time(void **state)
{
    struct top_model model = {.now = NULL};
    double in, out;

    (void)state;
    top_model_take(&model, answer(1000000, 100, 1000, 1));
    top_model_take(&model, answer(3000000, 500, 3000, 4)); /* two seconds later */
    assert_true(model.rates.known);
    assert_float_equal(model.rates.seconds, 2, 1e-9);
    assert_float_equal(model.rates.syns, 200, 1e-9);
    assert_float_equal(model.rates.bits_in, 8000, 1e-9);
    assert_float_equal(model.rates.refused, 3, 1e-9); /* both kinds */
    assert_float_equal(model.rates.cookies, 0,
                       1e-9); /* a counter that is not there does not move */
    assert_true(top_model_connection(&model, json_array_get(json_object_get(model.now, "top"), 0),
                                     &in, &out));
    assert_float_equal(in, 8000, 1e-9);
    assert_float_equal(out, 0, 1e-9);
    json_t *other = json_pack("{s:i}", "id", 8);
    assert_false(top_model_connection(&model, other, &in, &out));
    json_decref(other);
    top_model_clear(&model);
}

static void another_guard_has_no_rates_yet(void **state)
{
    struct top_model model = {.now = NULL};

    (void)state;
    top_model_take(&model, answer(1000000, 100, 1000, 0));
    top_model_take(&model, answer(2000000, 3, 50, 0)); /* it began again */
    assert_false(model.rates.known);
    assert_float_equal(model.rates.bits_in, 0, 1e-9);
    top_model_take(&model, answer(3000000, 4, 60, 0));
    assert_true(model.rates.known);
    top_model_clear(&model);
}

static void the_same_instant_has_no_rates(void **state)
{
    struct top_model model = {.now = NULL};

    (void)state;
    top_model_take(&model, answer(1000000, 1, 1, 0));
    top_model_take(&model, answer(1000000, 2, 2, 0));
    assert_false(model.rates.known);
    top_model_clear(&model);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_answer_has_no_rates),
        cmocka_unit_test(differences_by_the_guards_own_time),
        cmocka_unit_test(another_guard_has_no_rates_yet),
        cmocka_unit_test(the_same_instant_has_no_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
