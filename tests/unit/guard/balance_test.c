/* Which backend, and from which address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guard/balance.h"
#include "guard/source.h"

enum { A, B, C, COUNT };

struct fixture {
    struct config_backend config[COUNT];
    struct service service;
};

static void to(struct config_backend *config, const char *text)
{
    assert_int_equal(hf_endpoint_parse(&config->to.endpoint, text), HF_OK);
}

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);

    for (int i = 0; i < COUNT; i++) {
        to(&fixture->config[i], "192.0.2.1:80");
        fixture->service.backends[i].config = &fixture->config[i];
        health_init(&fixture->service.backends[i].health);
    }
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static uint32_t pick(struct fixture *fixture, uint32_t tried)
{
    uint32_t at = balance_pick(&fixture->service, tried, true);

    if (at != BALANCE_NONE)
        fixture->service.next_backend = at + 1;
    return at;
}

static void down(struct fixture *fixture, int backend, bool silent)
{
    fixture->service.backends[backend].health.up = false;
    fixture->service.backends[backend].health.silent = silent;
}

static void they_take_turns(void **state)
{
    for (int i = 0; i < 9; i++)
        assert_int_equal(pick(*state, 0), i % COUNT);
}

static void those_tried_and_those_down_are_passed_over(void **state)
{
    struct fixture *fixture = *state;

    assert_int_equal(pick(fixture, 1 << A), B);
    assert_int_equal(pick(fixture, 1 << A | 1 << C), B);
    down(fixture, B, false);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pick(fixture, 0), C);
        assert_int_equal(pick(fixture, 0), A);
    }
}

static void one_that_refuses_is_the_last_resort(void **state)
{
    struct fixture *fixture = *state;

    down(fixture, A, true);
    down(fixture, B, false);
    assert_int_equal(pick(fixture, 1 << C), B);
    down(fixture, C, true);
    assert_int_equal(pick(fixture, 0), B);
    assert_int_equal(pick(fixture, 1 << B), BALANCE_NONE);
}

static void one_that_left_the_configuration_gets_nobody(void **state)
{
    struct fixture *fixture = *state;

    fixture->service.backends[B].config = NULL;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pick(fixture, 0), A);
        assert_int_equal(pick(fixture, 0), C);
    }
}

static void a_transparent_backend_of_the_clients_family_comes_first(void **state)
{
    struct fixture *fixture = *state;

    fixture->service.backends[C].config = NULL;
    fixture->config[A].client_address = fixture->config[B].client_address =
        CONFIG_CLIENT_TRANSPARENT;
    to(&fixture->config[B], "[2001:db8::1]:80");
    for (int i = 0; i < 4; i++) {
        assert_int_equal(balance_pick(&fixture->service, 0, true), A);
        assert_int_equal(balance_pick(&fixture->service, 0, false), B);
        fixture->service.next_backend++;
    }
    down(fixture, B, true);
    assert_int_equal(balance_pick(&fixture->service, 0, false), A);
}

/* ---- sources ---- */

static const char *from(const struct service_backend *backend, uint32_t attempt)
{
    static char text[HF_ADDRESS_TEXT_MAX];
    struct backend_source source = source_choose(backend, attempt);

    return source.bound ? hf_address_format(text, &source.from.address) : "any";
}

static void loopback_addresses_are_used_up_one_after_the_other(void **state)
{
    struct fixture *fixture = *state;
    struct service_backend *backend = &fixture->service.backends[A];

    assert_int_equal(source_count(backend->config), 1);
    assert_string_equal(from(backend, 0), "any");
    to(&fixture->config[A], "127.0.0.1:80");
    assert_int_equal(source_count(backend->config), SOURCE_LOOPBACKS);
    source_used(backend, 0);
    assert_string_equal(from(backend, 0), "any");
    assert_string_equal(from(backend, 1), "127.0.0.2");
    source_used(backend, 1);
    assert_string_equal(from(backend, 0), "127.0.0.2");
    source_used(backend, SOURCE_LOOPBACKS - 2);
    assert_string_equal(from(backend, 0), "127.0.0.250");
    assert_string_equal(from(backend, 1), "any");
}

static void configured_addresses_take_turns(void **state)
{
    struct fixture *fixture = *state;
    struct service_backend *backend = &fixture->service.backends[A];
    struct config_list *source = &fixture->config[A].source;

    source->count = 2;
    assert_int_equal(hf_address_parse(&source->items[0].endpoint.address, "192.0.2.8"), HF_OK);
    assert_int_equal(hf_address_parse(&source->items[1].endpoint.address, "192.0.2.9"), HF_OK);
    assert_int_equal(source_count(backend->config), 2);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(from(backend, 0), "192.0.2.8");
        assert_string_equal(from(backend, 1), "192.0.2.9");
        source_used(backend, 0);
        assert_string_equal(from(backend, 0), "192.0.2.9");
        source_used(backend, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(they_take_turns, setup, teardown),
        cmocka_unit_test_setup_teardown(those_tried_and_those_down_are_passed_over, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_that_refuses_is_the_last_resort, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_left_the_configuration_gets_nobody, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_transparent_backend_of_the_clients_family_comes_first,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(loopback_addresses_are_used_up_one_after_the_other, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(configured_addresses_take_turns, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
