/* Honest life beside an attack. [RFC 9293 3.9.1] */
#include "sim/attack_crowd.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/must.h"
#include "base/time.h"
#include "sim/peer_app.h"

#define PIECE 4096u
#define LISTENER_WORD UINT64_MAX

void crowd_enter(struct crowd *crowd, struct field *field, const struct crowd_setup *setup)
{
    memset(crowd, 0, sizeof *crowd);
    crowd->setup = *setup;
    crowd->service_count = field->server.config.max_connections;
    crowd->clients = calloc(setup->clients ? setup->clients : 1, sizeof *crowd->clients);
    crowd->services = calloc(crowd->service_count, sizeof *crowd->services);
    must(crowd->clients && crowd->services);
    crowd->begins_us = field->now_us;
    must(hf_set_user(field->server.stack, field->listener, LISTENER_WORD) == HF_OK);
    field->crowd = crowd;
}

void crowd_leave(struct crowd *crowd, struct field *field)
{
    field->crowd = NULL;
    free(crowd->clients);
    free(crowd->services);
}

/* Requests and answers differ by their client's port, so that a byte of another's shows. */
static uint32_t key_of(uint16_t port, bool answer)
{
    return port * 0x01000193u ^ (answer ? 0x55000000u : 0);
}

/* A stream that is being written. */
struct stream {
    struct hf_stack *stack;
    hf_socket socket;
    uint32_t key, all;
    uint32_t *sent;
};

/* Writes what fits; false: the connection is no more. */
static bool write_some(const struct stream *stream, int64_t now_us)
{
    uint8_t bytes[PIECE];

    while (*stream->sent < stream->all) {
        uint32_t length = min_u32(stream->all - *stream->sent, PIECE);
        ptrdiff_t taken;

        for (uint32_t i = 0; i < length; i++)
            bytes[i] = app_pattern(stream->key, *stream->sent + i);
        taken = hf_send(stream->stack, stream->socket, bytes, length, now_us);
        if (taken == HF_AGAIN)
            return true;
        if (taken < 0)
            return false;
        *stream->sent += (uint32_t)taken;
    }
    return true;
}

static void check(struct crowd *crowd, const uint8_t *bytes, size_t length, uint32_t key,
                  uint32_t from)
{
    for (size_t i = 0; i < length; i++)
        crowd->wrong_bytes += bytes[i] != app_pattern(key, from + (uint32_t)i);
}

static void close_client(struct crowd *crowd, struct field *field, struct crowd_client *client,
                         int error)
{
    client->over = true;
    client->error = error;
    client->leaves_us = NEVER_US;
    if (error)
        crowd->failed++;
    else
        crowd->succeeded++;
    (void)hf_close(field->clients.stack, client->socket, field->now_us);
}

static void open_client(struct crowd *crowd, struct field *field)
{
    uint32_t number = crowd->opened;
    struct crowd_client *client = &crowd->clients[number];
    struct hf_endpoint local = {field_client(field, number % FIELD_CLIENTS), 0};
    struct hf_endpoint remote = {field_server(field), FIELD_PORT};
    struct hf_status status;

    client->opened_us = field->now_us;
    client->leaves_us = NEVER_US;
    crowd->opened++;
    int error = hf_connect(field->clients.stack, &local, &remote, &client->socket, field->now_us);

    if (error) {
        client->over = true;
        client->error = error;
        crowd->failed++;
        return;
    }
    must(hf_set_user(field->clients.stack, client->socket, number) == HF_OK);
    must(hf_status(field->clients.stack, client->socket, &status) == HF_OK);
    client->port = status.local.port;
}

static void ask(struct crowd *crowd, struct field *field, struct crowd_client *client)
{
    struct stream stream = {field->clients.stack, client->socket, key_of(client->port, false),
                            crowd->setup.request, &client->sent};

    if (client->sent < stream.all && write_some(&stream, field->now_us) &&
        client->sent == stream.all && crowd->setup.linger_us == 0)
        (void)hf_shutdown(field->clients.stack, client->socket, field->now_us);
}

static void hear(struct crowd *crowd, struct field *field, struct crowd_client *client)
{
    uint8_t bytes[PIECE];
    ptrdiff_t got;

    while ((got = hf_receive(field->clients.stack, client->socket, bytes, PIECE, field->now_us)) >
           0) {
        check(crowd, bytes, (size_t)got, key_of(client->port, true), client->received);
        client->received += (uint32_t)got;
        if (client->received == crowd->setup.response)
            client->answered_us = field->now_us;
        if (client->received == crowd->setup.response && crowd->setup.linger_us)
            client->leaves_us = field->now_us + crowd->setup.linger_us;
    }
    if (got == 0)
        close_client(crowd, field, client,
                     client->received == crowd->setup.response ? HF_OK : HF_RESET);
}

static void on_client(struct crowd *crowd, struct field *field, const struct hf_ready *ready)
{
    struct crowd_client *client = &crowd->clients[ready->user];
    struct hf_status status;

    must(ready->user < crowd->opened);
    if (client->over)
        return;
    if ((ready->what & HF_CONNECTED) && client->connected_us == 0)
        client->connected_us = field->now_us;
    if (ready->what & (HF_CONNECTED | HF_WRITABLE))
        ask(crowd, field, client);
    if (ready->what & (HF_READABLE | HF_PEER_CLOSED))
        hear(crowd, field, client);
    if (client->over || !(ready->what & HF_ENDED))
        return;
    (void)hf_status(field->clients.stack, client->socket, &status);
    close_client(crowd, field, client, status.error ? status.error : HF_RESET);
}

static void accept_all(struct crowd *crowd, struct field *field)
{
    struct hf_stack *stack = field->server.stack;
    hf_socket socket;

    while (!crowd->accept_pauses && hf_accept(stack, field->listener, &socket) == HF_OK) {
        struct hf_status status;
        uint32_t number = 0;

        while (number < crowd->service_count && crowd->services[number].used)
            number++;
        must(number < crowd->service_count && hf_status(stack, socket, &status) == HF_OK);
        crowd->services[number] = (struct crowd_service){
            .socket = socket,
            .port = status.remote.port,
            .used = true,
            .honest = field_is_client(field, &status.remote.address),
        };
        crowd->accepted++;
        crowd->strangers += !crowd->services[number].honest;
        must(hf_set_user(stack, socket, number) == HF_OK);
    }
}

/* Reads what there is; at the peer's end, or with the whole request, answers. false: it is over. */
static bool serve(struct crowd *crowd, struct field *field, struct crowd_service *service)
{
    struct hf_stack *stack = field->server.stack;
    struct stream answer = {stack, service->socket, key_of(service->port, true),
                            crowd->setup.response, &service->sent};
    uint8_t bytes[PIECE];
    ptrdiff_t got;

    while ((got = hf_receive(stack, service->socket, bytes, PIECE, field->now_us)) > 0) {
        if (service->honest)
            check(crowd, bytes, (size_t)got, key_of(service->port, false), service->received);
        else
            crowd->stranger_bytes += (uint64_t)got;
        service->received += (uint32_t)got;
    }
    service->at_end |= got == 0;
    if (got < 0 && got != HF_AGAIN)
        return false;
    if (service->received >= crowd->setup.request && !write_some(&answer, field->now_us))
        return false;
    return !(service->at_end &&
             (service->sent == crowd->setup.response || service->received < crowd->setup.request));
}

static void on_service(struct crowd *crowd, struct field *field, const struct hf_ready *ready)
{
    struct crowd_service *service = &crowd->services[ready->user];

    must(ready->user < crowd->service_count && service->used);
    if (!(ready->what & HF_ENDED) && serve(crowd, field, service))
        return;
    service->used = false;
    (void)hf_close(field->server.stack, service->socket, field->now_us);
}

static bool tell(struct crowd *crowd, struct field *field)
{
    struct hf_ready ready[16];
    size_t count;
    bool any = false;

    while ((count = hf_take_ready(field->server.stack, ready, 16)) > 0)
        for (size_t i = 0; i < count; i++, any = true)
            if (ready[i].user == LISTENER_WORD)
                accept_all(crowd, field);
            else
                on_service(crowd, field, &ready[i]);
    while ((count = hf_take_ready(field->clients.stack, ready, 16)) > 0)
        for (size_t i = 0; i < count; i++, any = true)
            on_client(crowd, field, &ready[i]);
    return any;
}

static int64_t opens_at_us(const struct crowd *crowd)
{
    if (crowd->opened == crowd->setup.clients)
        return NEVER_US;
    return crowd->begins_us + (int64_t)crowd->opened * US_PER_S / crowd->setup.per_s;
}

void crowd_act(struct crowd *crowd, struct field *field)
{
    while (opens_at_us(crowd) <= field->now_us)
        open_client(crowd, field);
    while (tell(crowd, field))
        continue;
    if (crowd->setup.linger_us == 0)
        return;
    for (uint32_t i = 0; i < crowd->opened; i++)
        if (crowd->clients[i].leaves_us <= field->now_us) {
            crowd->clients[i].leaves_us = NEVER_US;
            (void)hf_shutdown(field->clients.stack, crowd->clients[i].socket, field->now_us);
        }
}

int64_t crowd_next_us(const struct crowd *crowd)
{
    int64_t next = opens_at_us(crowd);

    if (crowd->setup.linger_us)
        for (uint32_t i = 0; i < crowd->opened; i++)
            next = time_min(next, crowd->clients[i].over ? NEVER_US : crowd->clients[i].leaves_us);
    return next;
}

void crowd_run(struct crowd *crowd, struct field *field, int64_t at_most_us)
{
    int64_t until_us = field->now_us + at_most_us;

    while (crowd->succeeded + crowd->failed < crowd->setup.clients && field->now_us < until_us)
        field_run(field, time_min(until_us, field->now_us + 10 * US_PER_MS));
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static int64_t quantile(const struct crowd *crowd, unsigned per_mille, bool answer)
{
    int64_t *took = calloc(crowd->opened ? crowd->opened : 1, sizeof *took), value = 0;
    size_t count = 0;

    must(took && per_mille <= 1000);
    for (uint32_t i = 0; i < crowd->opened; i++) {
        const struct crowd_client *client = &crowd->clients[i];
        int64_t at_us = answer ? client->answered_us : client->connected_us;

        if (at_us)
            took[count++] = at_us - client->opened_us;
    }
    qsort(took, count, sizeof *took, compare);
    if (count > 0)
        value = took[(count - 1) * per_mille / 1000];
    free(took);
    return value;
}

int64_t crowd_connect_us(const struct crowd *crowd, unsigned per_mille)
{
    return quantile(crowd, per_mille, false);
}

int64_t crowd_answer_us(const struct crowd *crowd, unsigned per_mille)
{
    return quantile(crowd, per_mille, true);
}
