/* Every error, state and counter has words of its own. [RFC 9293 3.3.2] */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <handfast/socket.h>
#include <handfast/stats.h>

static void test_errors(void **state)
{
    (void)state;
    for (int a = HF_NO_CRYPTO; a <= HF_OK; a++) {
        assert_string_not_equal(hf_error_text(a), "unknown error");
        for (int b = HF_NO_CRYPTO; b < a; b++)
            assert_string_not_equal(hf_error_text(a), hf_error_text(b));
    }
    assert_string_equal(hf_error_text(1), "unknown error");
    assert_string_equal(hf_error_text(HF_NO_CRYPTO - 1), "unknown error");
    assert_string_equal(hf_error_text(HF_NO_SOCKET), "connection does not exist");
}

static void test_states(void **state)
{
    (void)state;
    for (int a = 0; a < HF_STATES; a++) {
        assert_string_not_equal(hf_state_text((enum hf_state)a), "?");
        for (int b = 0; b < a; b++)
            assert_string_not_equal(hf_state_text((enum hf_state)a),
                                    hf_state_text((enum hf_state)b));
    }
    assert_string_equal(hf_state_text(HF_STATE_FIN_WAIT_2), "FIN-WAIT-2");
    assert_string_equal(hf_state_text((enum hf_state)HF_STATES), "?");
    assert_string_equal(hf_state_text((enum hf_state)1000), "?");
}

static void test_counters(void **state)
{
    (void)state;
    for (int a = 1; a < HF_STAT_COUNT; a++) {
        assert_true(strlen(hf_stat_name((enum hf_stat)a)) > 0);
        assert_true(strlen(hf_stat_unit((enum hf_stat)a)) > 0);
        assert_true(strlen(hf_stat_meaning((enum hf_stat)a)) > 0);
        for (int b = 0; b < a; b++)
            assert_string_not_equal(hf_stat_name((enum hf_stat)a), hf_stat_name((enum hf_stat)b));
    }
    assert_string_equal(hf_stat_name(HF_STAT_ip_own_source), "ip_own_source");
    assert_string_equal(hf_stat_unit(HF_STAT_bytes_in), "bytes");
    assert_string_equal(hf_stat_name(HF_STAT_COUNT), "?");
    assert_string_equal(hf_stat_unit(HF_STAT_COUNT), "?");
    assert_string_equal(hf_stat_meaning((enum hf_stat) - 1), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_states),
        cmocka_unit_test(test_counters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
