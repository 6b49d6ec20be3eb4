/* Everything that may happen to relays, in any order: clients and backends that send, stop, close and reset, backends that come
 * and go, other configurations, drains, kills, want of descriptors, hours that pass. After each step all of it is looked at
 * (relays_check), every byte that arrives is the one that was sent, and in the end nothing is left. */
#include "unit/guard/world.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>

#include "guard/reload.h"

enum { BACKENDS = 3, CLIENTS = 24, SOCKETS = 64, WALKS = 10, STEPS = 5000, TALKS = 8192 };

/* A conversation, as those who hold it know: an end of stream comes behind all that was said, or not at all. */
struct talk {
    uint64_t up, down; /* bytes that were given away */
    bool up_ended, down_ended;
    struct hf_endpoint client, local;
};

struct party {
    uint64_t taken;
    struct talk *talk; /* a server that does not know has one that nobody asks */
    bool there, known, heard_all;
};

struct walk {
    struct world world;
    uint64_t random;
    int listeners[BACKENDS];
    uint16_t ports[BACKENDS];
    struct party client[CLIENTS], server[SOCKETS];
    hf_socket clients[CLIENTS];
    int servers[SOCKETS];
    struct rlimit before;
    int filler[2048], fillers;
    struct talk talks[TALKS];
    uint32_t talk_count;
};

/* ---- chance ---- */

static uint32_t below(struct walk *walk, uint32_t limit)
{
    walk->random ^= walk->random << 13;
    walk->random ^= walk->random >> 7;
    walk->random ^= walk->random << 17;
    return (uint32_t)(walk->random >> 32) % limit;
}

static uint8_t byte_at(uint64_t place, uint8_t salt)
{
    return (uint8_t)((place * 2654435761u >> 7) + salt);
}

enum { UP = 3, DOWN = 77 };

static size_t make(struct walk *walk, uint64_t from, uint8_t salt, uint8_t *to, size_t capacity)
{
    size_t length = 1 + below(walk, below(walk, 2) ? 100 : (uint32_t)capacity);

    for (size_t i = 0; i < length; i++)
        to[i] = byte_at(from + i, salt);
    return length;
}

static void take(struct party *party, uint8_t salt, const uint8_t *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++)
        assert_int_equal(bytes[i], byte_at(party->taken + i, salt));
    party->taken += length;
}

/* An end of stream. A backend that was left for another hears one without having heard a byte. */
static void heard_all(struct party *party, uint64_t said, bool ended)
{
    party->heard_all = true;
    if (!party->known || party->taken == 0)
        return;
    assert_true(ended);
    assert_int_equal(party->taken, said);
}

/* ---- backends ---- */

static void revive(struct walk *walk, uint32_t which)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(walk->ports[which]),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return; /* there are none now */
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        listen(fd, (int)below(walk, 8)) != 0) {
        close(fd); /* a socket of ours may have its port meanwhile */
        return;
    }
    walk->listeners[which] = fd;
    walk->ports[which] = world_port(fd);
}

static void toggle_backend(struct walk *walk)
{
    uint32_t which = below(walk, BACKENDS);

    if (walk->listeners[which] < 0) {
        revive(walk, which);
        return;
    }
    close(walk->listeners[which]);
    walk->listeners[which] = -1;
}

static struct talk *new_talk(struct walk *walk)
{
    struct talk *talk = &walk->talks[walk->talk_count++ % TALKS];

    *talk = (struct talk){.up = 0};
    return talk;
}

/* One who still begins has none: it is somebody's who had his ports before. */
static bool is_of(struct walk *walk, int client, const struct relay_view *view)
{
    const struct talk *talk = walk->client[client].talk;

    return world_status(&walk->world, walk->clients[client]).state != HF_STATE_SYN_SENT &&
           memcmp(&talk->client, &view->client, sizeof talk->client) == 0 &&
           memcmp(&talk->local, &view->local, sizeof talk->local) == 0;
}

static uint16_t peer_port(int fd)
{
    struct sockaddr_in peer = {0};
    socklen_t length = sizeof peer;

    return getpeername(fd, (struct sockaddr *)&peer, &length) == 0 ? ntohs(peer.sin_port) : 0;
}

/* Whose relay has come to this backend: by the two ports. NULL: a check, or somebody who is gone. */
static struct talk *talk_at(struct walk *walk, int fd)
{
    const struct relays *relays = &walk->world.guard.relays;
    struct relay_view view;

    for (uint32_t slot = 0; slot < relays->unused; slot++) {
        int own = relays->slots[slot].backend.fd;

        if (relays->slots[slot].state == RELAY_FREE || own < 0 ||
            world_port(own) != peer_port(fd) || peer_port(own) != world_port(fd) ||
            !relays_view(relays, slot, &view, walk->world.now_us))
            continue;
        for (int i = 0; i < CLIENTS; i++)
            if (walk->client[i].there && is_of(walk, i, &view))
                return walk->client[i].talk;
    }
    return NULL;
}

static void accept_one(struct walk *walk)
{
    int listener = walk->listeners[below(walk, BACKENDS)];
    int fd = listener < 0 ? -1 : accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0)
        return;
    for (int i = 0; i < SOCKETS; i++)
        if (!walk->server[i].there) {
            walk->servers[i] = fd;
            walk->server[i] = (struct party){.there = true, .talk = talk_at(walk, fd)};
            walk->server[i].known = walk->server[i].talk != NULL;
            if (!walk->server[i].known)
                walk->server[i].talk = new_talk(walk);
            return;
        }
    close(fd);
}

static void leave_server(struct walk *walk, int i, bool reset)
{
    struct linger at_once = {.l_onoff = 1, .l_linger = 0};

    if (reset)
        setsockopt(walk->servers[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(walk->servers[i]);
    walk->server[i].talk->down_ended = true;
    walk->server[i].there = false;
}

static void server_sends(struct walk *walk, int i)
{
    static uint8_t bytes[100000];
    struct talk *talk = walk->server[i].talk;
    size_t length = make(walk, talk->down, DOWN, bytes, sizeof bytes);
    ssize_t sent;

    if (talk->down_ended)
        return;
    sent = send(walk->servers[i], bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent > 0)
        talk->down += (uint64_t)sent;
    else if (errno != EAGAIN)
        leave_server(walk, i, false); /* a reset is told once, and by this call */
}

static void server_takes(struct walk *walk, int i)
{
    static uint8_t bytes[100000];
    ssize_t got = read(walk->servers[i], bytes, 1 + below(walk, sizeof bytes));

    if (got > 0)
        take(&walk->server[i], UP, bytes, (size_t)got);
    else if (got == 0)
        heard_all(&walk->server[i], walk->server[i].talk->up, walk->server[i].talk->up_ended);
    else if (errno != EAGAIN)
        leave_server(walk, i, false);
}

static void server_acts(struct walk *walk)
{
    int i = (int)below(walk, SOCKETS);

    for (int n = 0; n < SOCKETS && !walk->server[i].there; n++)
        i = (i + 1) % SOCKETS;
    if (!walk->server[i].there)
        return;
    switch (below(walk, 20)) {
    case 0: leave_server(walk, i, true); return;
    case 1: leave_server(walk, i, false); return;
    case 2:
        shutdown(walk->servers[i], SHUT_WR);
        walk->server[i].talk->down_ended = true;
        return;
    case 3:
    case 4:
    case 5:
    case 6: server_sends(walk, i); return;
    default: server_takes(walk, i); return;
    }
}

/* ---- clients ---- */

static void client_comes(struct walk *walk)
{
    struct hf_status status;
    static const char *const places[] = {"203.0.113.10:80", "203.0.113.10:81", "[2001:db8::10]:80",
                                         "203.0.113.10:82"};

    for (int i = 0; i < CLIENTS; i++)
        if (!walk->client[i].there) {
            walk->clients[i] = world_connect(&walk->world, places[below(walk, 4)]);
            walk->client[i] = (struct party){.there = true, .known = true};
            walk->client[i].talk = new_talk(walk);
            status = world_status(&walk->world, walk->clients[i]);
            walk->client[i].talk->client = status.local;
            walk->client[i].talk->local = status.remote;
            return;
        }
}

static void leave_client(struct walk *walk, int i, bool reset)
{
    struct world *world = &walk->world;

    if (reset)
        hf_abort(world->client, walk->clients[i], world->now_us);
    else
        hf_close(world->client, walk->clients[i], world->now_us);
    walk->client[i].talk->up_ended = true;
    walk->client[i].there = false;
}

static void client_takes(struct walk *walk, int i)
{
    struct hf_status status = world_status(&walk->world, walk->clients[i]);
    static uint8_t bytes[65536];
    struct world *world = &walk->world;
    ptrdiff_t got =
        hf_receive(world->client, walk->clients[i], bytes, 1 + below(walk, 65535), world->now_us);

    if (got > 0)
        take(&walk->client[i], DOWN, bytes, (size_t)got);
    else if (got == 0)
        heard_all(&walk->client[i], walk->client[i].talk->down, walk->client[i].talk->down_ended);
    if (got <= 0 && (status.error != HF_OK || status.state == HF_STATE_CLOSED ||
                     (got == 0 && walk->client[i].talk->up_ended)))
        leave_client(walk, i, true);
}

static void client_sends(struct walk *walk, int i)
{
    static uint8_t bytes[65536];
    struct party *client = &walk->client[i];
    size_t length = make(walk, client->talk->up, UP, bytes, sizeof bytes);
    ptrdiff_t sent = client->talk->up_ended ? -1
                                            : hf_send(walk->world.client, walk->clients[i], bytes,
                                                      length, walk->world.now_us);

    if (sent > 0)
        client->talk->up += (uint64_t)sent;
}

static void client_acts(struct walk *walk)
{
    int i = (int)below(walk, CLIENTS);
    struct world *world = &walk->world;

    if (!walk->client[i].there)
        return;
    switch (below(walk, 24)) {
    case 0:
    case 1: leave_client(walk, i, below(walk, 2)); return;
    case 2:
        walk->client[i].talk->up_ended |=
            hf_shutdown(world->client, walk->clients[i], world->now_us) == HF_OK;
        return;
    case 3:
    case 4:
    case 5:
    case 6: client_sends(walk, i); return;
    default: client_takes(walk, i); return;
    }
}

/* ---- who governs ---- */

static size_t put_backends(struct walk *walk, char *text, size_t room)
{
    static const char *const names[] = {"b", "c", "d", "e"};
    uint32_t count = 1 + below(walk, 4), first = below(walk, 4);
    size_t used = 0;

    for (uint32_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, room - used,
                                 " backend \"%s\" { to = \"127.0.0.1:%u\" client_address = none }",
                                 names[(first + i) % 4], walk->ports[below(walk, BACKENDS)]);
    return used;
}

static size_t put_service(struct walk *walk, const char *name, int port, char *text, size_t room)
{
    size_t used = (size_t)snprintf(
        text, room,
        "service \"%s\" { listen = \":%d\" check_interval = %s check_timeout = 50ms "
        "connect_timeout = %ums connect_retries = %u idle_timeout = %us total_timeout = %us "
        "max_connections = %u max_per_prefix = %u enforce = %s backlog = %u",
        name, port, below(walk, 2) ? "0" : "100ms", 100 + below(walk, 400), below(walk, 4),
        1 + below(walk, 9), below(walk, 2) ? 0 : 3 + below(walk, 20), 1 + below(walk, 12),
        below(walk, 2) ? 0 : 1 + below(walk, 5), below(walk, 4) ? "yes" : "no", 1 + below(walk, 8));

    used += put_backends(walk, text + used, room - used);
    return used + (size_t)snprintf(text + used, room - used, " }\n");
}

/* Up to three services under some of four names, in any order, at three ports. */
static struct config *any_config(struct walk *walk)
{
    static const char *const names[] = {"web", "mail", "ssh", "more"};
    char text[8192], error[CONFIG_ERROR_MAX];
    uint32_t count = 1 + below(walk, 3), first = below(walk, 4), port = below(walk, 3);
    size_t used = (size_t)snprintf(
        text, sizeof text,
        "control = \"\"\nuplink \"hf0\" { addresses = { \"203.0.113.10/24\", "
        "\"2001:db8::10/64\" } }\nlimits { max_connections = %u receive_buffer = 64k "
        "send_buffer = 64k buffer_memory = 16m }\n",
        12 + below(walk, 53));

    for (uint32_t i = 0; i < count; i++)
        used += put_service(walk, names[(first + i) % 4], (int)(80 + (port + i) % 3), text + used,
                            sizeof text - used);
    snprintf(walk->world.file, sizeof walk->world.file, P_tmpdir "/walk_test%d", getpid());
    FILE *file = fopen(walk->world.file, "w");
    if (file == NULL)
        return NULL; /* no descriptor now */
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    struct config *config = config_read(walk->world.file, error);
    unlink(walk->world.file);
    if (config == NULL)
        fail_msg("%s", error);
    return config;
}

static void reload(struct walk *walk)
{
    struct config *config = any_config(walk);
    char error[GUARD_ERROR_MAX];

    if (config != NULL && !guard_reload(&walk->world.guard, config, error, walk->world.now_us))
        config_free(config);
}

static struct service *any_service(struct walk *walk)
{
    struct service *service =
        &walk->world.guard.services[below(walk, walk->world.guard.relays.service_count)];

    return service->life == SERVICE_OPEN || service->life == SERVICE_DRAINED ? service : NULL;
}

static void drain_or_resume(struct walk *walk)
{
    struct service *service = any_service(walk);
    struct relays *relays = &walk->world.guard.relays;

    if (service != NULL && service->life == SERVICE_OPEN)
        service_drain(relays, service, walk->world.now_us);
    else if (service != NULL)
        service_resume(relays, service, walk->world.now_us);
}

static void kill_one(struct walk *walk)
{
    struct relays *relays = &walk->world.guard.relays;
    uint32_t slot = below(walk, CLIENTS);
    struct relay_view view;

    if (relays_view(relays, slot, &view, walk->world.now_us))
        assert_true(relays_kill(relays, slot, view.id, walk->world.now_us));
}

static void give_or_take_descriptors(struct walk *walk)
{
    struct rlimit none;

    if (walk->fillers > 0) {
        while (walk->fillers > 0)
            close(walk->filler[--walk->fillers]);
        setrlimit(RLIMIT_NOFILE, &walk->before);
        return;
    }
    getrlimit(RLIMIT_NOFILE, &walk->before);
    none = (struct rlimit){.rlim_cur = 256, .rlim_max = walk->before.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
    while (walk->fillers < 2048 && (walk->filler[walk->fillers] = dup(0)) >= 0)
        walk->fillers++;
    for (uint32_t i = below(walk, 3); i > 0 && walk->fillers > 1; i--)
        close(walk->filler[--walk->fillers]);
}

static void govern(struct walk *walk)
{
    switch (below(walk, 10)) {
    case 0:
    case 1: drain_or_resume(walk); return;
    case 2:
    case 3: kill_one(walk); return;
    case 4:
    case 5: reload(walk); return;
    case 6:
    case 7: toggle_backend(walk); return;
    case 8: give_or_take_descriptors(walk); return;
    default: walk->world.now_us += below(walk, 4) ? below(walk, 500000) : below(walk, 9000000);
    }
}

/* ---- a walk ---- */

static void look(struct walk *walk)
{
    const char *untrue = relays_check(&walk->world.guard.relays);

    if (untrue != NULL)
        fail_msg("not true: %s", untrue);
}

static void one_step(struct walk *walk)
{
    switch (below(walk, 40)) {
    case 0:
        if (below(walk, 3) == 0)
            govern(walk);
        break;
    case 1:
    case 2:
    case 3: client_comes(walk); break;
    case 4:
    case 5:
    case 6: accept_one(walk); break;
    default: client_acts(walk); server_acts(walk);
    }
    look(walk);
    walk->world.now_us += below(walk, 3) ? 0 : below(walk, 5000);
    world_step(&walk->world); /* looks too */
}

static int descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int count = 0;

    while (readdir(directory) != NULL)
        count++;
    closedir(directory);
    return count;
}

static void open_walk(struct walk *walk, uint64_t seed)
{
    char target[32];

    *walk = (struct walk){.world.listener = -1, .random = seed * UINT64_C(0x9e3779b97f4a7c15)};
    for (uint32_t i = 0; i < BACKENDS; i++) {
        revive(walk, i);
        assert_true(walk->listeners[i] >= 0);
    }
    snprintf(target, sizeof target, "127.0.0.1:%u", walk->ports[0]);
    world_open(&walk->world, target, "} connect_timeout = 300ms max_connections = 8 }");
}

/* Everybody leaves, and everything that is timed comes to its end. */
static void end_walk(struct walk *walk)
{
    struct relays *relays = &walk->world.guard.relays;

    if (walk->fillers > 0)
        give_or_take_descriptors(walk);
    for (int i = 0; i < CLIENTS; i++)
        if (walk->client[i].there)
            hf_abort(walk->world.client, walk->clients[i], walk->world.now_us);
    for (int i = 0; i < SOCKETS; i++)
        if (walk->server[i].there)
            close(walk->servers[i]);
    for (int i = 0; i < 2000 && relays->active > 0; i++) {
        walk->world.now_us += 10000;
        world_step(&walk->world);
    }
    assert_int_equal(relays->active, 0);
    for (uint32_t i = 0; i < relays->service_count; i++)
        assert_true(relays->services[i].life != SERVICE_REMOVED);
    for (uint32_t i = 0; i < BACKENDS; i++)
        if (walk->listeners[i] >= 0)
            close(walk->listeners[i]);
}

static void whatever_happens_all_is_counted_and_nothing_is_left(void **state)
{
    const char *chosen = getenv("WALK_SEED");
    uint64_t first = chosen ? strtoull(chosen, NULL, 10) : 1;
    static struct walk walk;

    (void)state;
    for (uint64_t seed = first; seed < first + (chosen ? 1 : WALKS); seed++) {
        int before = descriptors();

        print_message("WALK_SEED=%llu\n", (unsigned long long)seed);
        open_walk(&walk, seed);
        for (int i = 0; i < STEPS; i++)
            one_step(&walk);
        end_walk(&walk);
        world_close(&walk.world);
        assert_int_equal(descriptors(), before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whatever_happens_all_is_counted_and_nothing_is_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
