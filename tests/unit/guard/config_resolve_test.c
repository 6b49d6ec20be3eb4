/* Names of backends: what they become, what they cost, and a name server that never answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>

#include <cmocka.h>

#include "guard/config_resolve.h"
#include "guard/config_sources.h"

/* ---- a resolver of our own, in the place of the C library's ---- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool silent = true; /* "silent" gets no answer until this ends */
static unsigned asked;

static struct addrinfo *answer_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    struct sockaddr_in *address = calloc(1, sizeof *address);
    struct addrinfo *answer = calloc(1, sizeof *answer);

    address->sin_family = AF_INET;
    memcpy(&address->sin_addr, (uint8_t[]){a, b, c, d}, 4);
    answer->ai_addr = (struct sockaddr *)(void *)address;
    return answer;
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **answer)
{
    struct sockaddr_in6 *address = calloc(1, sizeof *address);

    assert_null(service);
    assert_int_equal(hints->ai_socktype, SOCK_STREAM);
    pthread_mutex_lock(&mutex);
    asked++;
    while (strcmp(name, "silent") == 0 && silent)
        pthread_cond_wait(&changed, &mutex);
    pthread_mutex_unlock(&mutex);
    if (strcmp(name, "nothing.example") == 0) {
        free(address);
        return EAI_NONAME;
    }
    address->sin6_family = AF_INET6;
    address->sin6_addr.s6_addr[15] = (uint8_t)strlen(name);
    *answer = calloc(1, sizeof **answer);
    (*answer)->ai_addr = (struct sockaddr *)(void *)address;
    if (strcmp(name, "both") == 0)
        (*answer)->ai_next = answer_v4(192, 0, 2, 7);
    return 0;
}

void freeaddrinfo(struct addrinfo *answer)
{
    while (answer) {
        struct addrinfo *next = answer->ai_next;

        free(answer->ai_addr);
        free(answer);
        answer = next;
    }
}

/* ---- a configuration with these backends ---- */

static struct config *config_of(const char *const *hosts, uint32_t count)
{
    struct config *config = calloc(1, sizeof *config);

    config->sources = config_sources_new();
    assert_true(config_sources_add(config->sources, "guard.conf"));
    assert_true(config_sources_mark(config->sources, 1, 0, 1));
    config->services = 2; /* dealt out in turn */
    for (uint32_t i = 0; i < count; i++) {
        struct config_service *service = &config->service[i % 2];
        struct config_backend *backend = &service->backend[service->backends++];

        backend->line = (int)(10 + i);
        snprintf(backend->name, sizeof backend->name, "b%u", i);
        snprintf(backend->to.host, sizeof backend->to.host, "%s", hosts[i]);
        backend->to.endpoint.port = 80;
    }
    return config;
}

static void each_name_becomes_its_address(void **state)
{
    static const char *const hosts[] = {"four:80", "", "sixsix:80", "nn:80"};
    struct config *config = config_of(hosts, 4);
    char error[CONFIG_ERROR_MAX];

    (void)state;
    asked = 0;
    assert_true(config_resolve(config, error));
    assert_int_equal(asked, 3);
    assert_int_equal(config->service[0].backend[0].to.endpoint.address.bytes[15], 4);
    assert_int_equal(config->service[0].backend[1].to.endpoint.address.bytes[15], 6);
    assert_int_equal(config->service[1].backend[0].to.endpoint.address.bytes[15], 0);
    assert_int_equal(config->service[1].backend[1].to.endpoint.address.bytes[15], 2);
    assert_int_equal(config->service[0].backend[0].to.endpoint.port, 80);
    config_free(config);
}

static void of_both_kinds_the_one_of_ipv4_is_taken(void **state)
{
    static const char *const hosts[] = {"both:80"};
    struct config *config = config_of(hosts, 1);
    char error[CONFIG_ERROR_MAX], text[HF_ADDRESS_TEXT_MAX];

    (void)state;
    assert_true(config_resolve(config, error));
    assert_string_equal(hf_address_format(text, &config->service[0].backend[0].to.endpoint.address),
                        "192.0.2.7");
    config_free(config);
}

static void without_names_nobody_is_asked(void **state)
{
    static const char *const hosts[] = {"", ""};
    struct config *config = config_of(hosts, 2);
    char error[CONFIG_ERROR_MAX];

    (void)state;
    asked = 0;
    assert_true(config_resolve(config, error));
    assert_int_equal(asked, 0);
    config_free(config);
}

static void a_name_that_means_nothing_is_told_with_its_line(void **state)
{
    static const char *const hosts[] = {"four:80", "nothing.example:80"};
    struct config *config = config_of(hosts, 2);
    char error[CONFIG_ERROR_MAX];

    (void)state;
    assert_false(config_resolve(config, error));
    assert_string_equal(error,
                        "guard.conf:11: backend \"b1\" to \"nothing.example:80\": Name or service "
                        "not known, accepted is a name that has an address, or an address");
    config_free(config);
}

/* The thread that waits outlives the configuration, and what it was asked for is its own. */
static void a_silent_name_server_costs_only_the_time_that_it_may(void **state)
{
    static const char *const hosts[] = {"four:80", "silent:80"};
    struct config *config = config_of(hosts, 2);
    char error[CONFIG_ERROR_MAX];

    (void)state;
    assert_false(config_resolve_within(config, 500, error));
    assert_string_equal(error,
                        "guard.conf:11: backend \"b1\" to \"silent:80\": no answer about this name "
                        "in time, accepted is a name that has an address, or an address");
    config_free(config);

    pthread_mutex_lock(&mutex);
    silent = false;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&mutex);
    config = config_of(hosts, 2);
    assert_true(config_resolve(config, error)); /* it answers now */
    config_free(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_name_becomes_its_address),
        cmocka_unit_test(of_both_kinds_the_one_of_ipv4_is_taken),
        cmocka_unit_test(without_names_nobody_is_asked),
        cmocka_unit_test(a_name_that_means_nothing_is_told_with_its_line),
        cmocka_unit_test(a_silent_name_server_costs_only_the_time_that_it_may),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
