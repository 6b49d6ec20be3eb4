/* A snapshot has every row of stats.h, the gauges and all states. */
#include "unit/os/test.h"

#include <handfast/os.h>
#include <handfast/socket.h>

#include "control/snapshot.h"

static void every_row_is_there(void **state)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_stack *stack;
    struct hf_env env;
    hf_socket listener;

    (void)state;
    assert_int_equal(hf_prefix_parse(&config.addresses[0], "192.0.2.1/24"), HF_OK);
    assert_int_equal(hf_os_env(&env, hf_memory_needed(&config)), HF_OK);
    assert_int_equal(hf_init(&stack, &config, &env, 0), HF_OK);
    assert_int_equal(hf_listen(stack, &(struct hf_endpoint){.port = 7}, &listener), HF_OK);
    uint8_t bytes[4] = {0};
    struct hf_frame frame = {.data = bytes, .length = 4, .capacity = 4};
    hf_input(stack, &frame, 1, 1);

    json_t *snapshot = snapshot_of(stack);
    const json_t *counters = json_object_get(snapshot, "counters"),
                 *gauges = json_object_get(snapshot, "gauges");
    assert_int_equal(json_object_size(counters), HF_STAT_COUNT - 1);
    for (unsigned i = HF_STAT_none + 1; i < HF_STAT_COUNT; i++)
        assert_true(json_is_integer(json_object_get(counters, hf_stat_name((enum hf_stat)i))));
    assert_int_equal(json_integer_value(json_object_get(counters, "frames_in")), 1);
    assert_int_equal(json_integer_value(json_object_get(counters, "frame_truncated")), 1);
    assert_int_equal(json_integer_value(json_object_get(gauges, "listeners")), 1);
    assert_int_equal(json_integer_value(json_object_get(gauges, "max_half_opens")), 256);
    assert_int_equal(json_integer_value(json_object_get(gauges, "memory_bytes")),
                     (json_int_t)env.memory_bytes);
    assert_int_equal(json_object_size(json_object_get(snapshot, "connections")), HF_STATES);
    assert_true(
        json_is_integer(json_object_get(json_object_get(snapshot, "connections"), "SYN-RECEIVED")));
    json_decref(snapshot);
    hf_os_env_free(&env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_there)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
