/* Rules of the door that act in a corner only: what the mutation check showed untested. [RFC 9293 3.10.7.1, 3.10.7.2] */
#include "peer.h"

/* Of a half-open that timed out the event says who, where and since when; its number says nothing, and is none. */
static void a_timeout_has_no_value(void **state)
{
    struct hf_config config = peer_config();
    struct segment syn = syn_of(1);
    struct hf_event event;
    struct peer peer;

    (void)state;
    peer_open(&peer, &config);
    peer_listen(&peer,
                &(struct hf_listen_options){.half_open_timeout_ms = 1000, .syn_ack_retries = -1});
    assert_int_equal(peer_send(&peer, &syn), HF_STAT_none);
    peer_wait(&peer, 1500);
    assert_true(hf_event_take(&peer.sink, &event));
    assert_int_equal(event.kind, HF_EVENT_HALF_OPEN_TIMED_OUT);
    assert_int_equal(event.value, 0);
    assert_int_equal(event.count, 1);
    assert_int_equal(event.remote.port, PEER_PORT);
    peer_close(&peer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_timeout_has_no_value),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
