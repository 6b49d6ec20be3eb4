/* One run: a scenario in a world, from the first SYN until nothing is held any more. */
#include "sim/simulation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/must.h"
#include "base/time.h"
#include "sim/invariants.h"

#define RETRY_US (50 * US_PER_MS)

const char *scenario_address(unsigned node, bool v6)
{
    static const char *const text[2][2] = {{"192.0.2.1/24", "2001:db8::1/64"},
                                           {"192.0.2.2/24", "2001:db8::2/64"}};

    must(node < 2);
    return text[node][v6];
}

static struct hf_endpoint endpoint(unsigned node, bool v6, uint16_t port)
{
    struct hf_prefix prefix;

    must(hf_prefix_parse(&prefix, scenario_address(node, v6)) == HF_OK);
    return (struct hf_endpoint){prefix.address, port};
}

/* Streams have keys of their own: the number of the conversation and the direction. */
static void prepare_app(struct simulation *simulation, unsigned number, unsigned side)
{
    const struct conversation *conversation = &simulation->scenario->conversations[number];
    uint32_t key = (uint32_t)(simulation->scenario->seed * 0x2545f491u) + number * 0x01000193u;

    simulation->apps[number][side] = (struct peer_app){
        .script = &conversation->script[side],
        .number = number,
        .side = side,
        .sends_key = key ^ (side ? 0x55000000u : 0),
        .reads_key = key ^ (side ? 0 : 0x55000000u),
        .expects = conversation->script[!side].send_bytes,
        .retry_us = NEVER_US,
    };
}

static uint64_t user_word(unsigned number, unsigned side)
{
    return 2 * (uint64_t)number + side + 1;
}

/* Active OPEN. */
static void open_end(struct simulation *simulation, unsigned number, unsigned side)
{
    const struct conversation *conversation = &simulation->scenario->conversations[number];
    struct world *world = &simulation->world;
    struct hf_stack *stack = world->nodes[side].stack;
    uint16_t port = conversation->port ? conversation->port : SCENARIO_PORT;
    struct hf_endpoint local =
        endpoint(side, conversation->v6, side ? port : conversation->client_port);
    struct hf_endpoint remote =
        endpoint(!side, conversation->v6, side ? conversation->client_port : port);
    hf_socket socket;
    int error = hf_connect(stack, &local, &remote, &socket, world->now_us);

    if (error == HF_NO_ROOM) { /* others hold what there is: later, as any application would */
        simulation->apps[number][side].retry_us = world->now_us + RETRY_US;
        return;
    }
    simulation->apps[number][side].retry_us = NEVER_US;
    if (error) {
        world_fail(world, "conversation %u: hf_connect: %s", number, hf_error_text(error));
        return;
    }
    hf_set_user(stack, socket, user_word(number, side));
    app_open(&simulation->apps[number][side], stack, socket, false, world->now_us);
}

static void retry(struct simulation *simulation, unsigned number, unsigned side)
{
    if (simulation->apps[number][side].retry_us <= simulation->world.now_us)
        open_end(simulation, number, side);
}

static void open_conversation(struct simulation *simulation, unsigned number)
{
    open_end(simulation, number, 0);
    if (simulation->scenario->conversations[number].script[1].connects)
        open_end(simulation, number, 1);
}

/* Whose connection this is: the conversation whose client has this port. */
static struct peer_app *find_client(struct simulation *simulation, const struct hf_status *status)
{
    for (unsigned i = simulation->unopened; i-- > 0;) {
        const struct peer_app *client = &simulation->apps[i][0];

        if (simulation->apps[i][1].open || simulation->apps[i][1].over)
            continue;
        if (simulation->scenario->conversations[i].v6 == hf_address_is_v4(&status->remote.address))
            continue;
        if (client->port == status->remote.port)
            return &simulation->apps[i][1];
    }
    return NULL;
}

static void accept_one(struct simulation *simulation, hf_socket socket)
{
    struct world *world = &simulation->world;
    struct hf_stack *stack = world->nodes[1].stack;
    struct hf_status status;
    struct peer_app *app;

    simulation->accepted++;
    if (hf_status(stack, socket, &status) != HF_OK) {
        world_fail(world, "hf_accept gave a socket that is none");
        return;
    }
    app = find_client(simulation, &status);
    if (!app) {
        world_fail(world, "a ghost: port %u was accepted and nobody opened it", status.remote.port);
        return;
    }
    hf_set_user(stack, socket, user_word(app->number, 1));
    app_open(app, stack, socket, true, world->now_us);
}

static void accept_some(struct simulation *simulation)
{
    struct world *world = &simulation->world;
    hf_socket socket;

    while (simulation->accept_waits && !world->failed &&
           world->now_us >= simulation->next_accept_us) {
        int error = hf_accept(world->nodes[1].stack, simulation->listener, &socket);

        if (error == HF_AGAIN) {
            simulation->accept_waits = false;
        } else if (error) {
            world_fail(world, "hf_accept: %s", hf_error_text(error));
        } else {
            accept_one(simulation, socket);
            if (simulation->scenario->accept_every_us)
                simulation->next_accept_us = world->now_us + simulation->scenario->accept_every_us;
        }
    }
}

static bool conversation_is_over(const struct simulation *simulation, unsigned number)
{
    const struct peer_app *apps = simulation->apps[number];

    /* An end that was never accepted has nothing to end, once the other has given up. */
    return apps[0].over && (apps[1].over || (!apps[1].open && simulation->closing)) &&
           !apps[1].open;
}

/* Whether both ends have nothing left to do: an end that the server never saw counts once the client's failed. */
static bool all_are_over(const struct simulation *simulation)
{
    if (simulation->unopened < simulation->scenario->count)
        return false;
    for (unsigned i = 0; i < simulation->scenario->count; i++) {
        const struct peer_app *apps = simulation->apps[i];

        if (!apps[0].over || apps[1].open)
            return false;
        if (!apps[1].over && apps[0].error == HF_OK &&
            simulation->scenario->conversations[i].expect <= EXPECT_WHOLE_OR_UNBORN)
            return false;
    }
    return true;
}

static void act(void *self, struct world *world)
{
    struct simulation *simulation = self;
    const struct scenario *scenario = simulation->scenario;

    keys_act(world, &scenario->keys, simulation->keys_us);
    simulation->keys_us = world->now_us;
    while (simulation->unopened < scenario->count && !world->failed &&
           world->now_us >=
               scenario->start_us + scenario->conversations[simulation->unopened].open_at_us)
        open_conversation(simulation, simulation->unopened++);
    accept_some(simulation);
    for (unsigned i = 0; i < simulation->unopened; i++)
        for (unsigned side = 0; side < 2; side++) {
            retry(simulation, i, side);
            app_act(&simulation->apps[i][side], world);
        }
    if (!simulation->closing && all_are_over(simulation) && !simulation->accept_waits) {
        simulation->closing = true;
        if (simulation->listener &&
            hf_close(world->nodes[1].stack, simulation->listener, world->now_us) != HF_OK)
            world_fail(world, "the listener could not be closed");
    }
}

static void on_ready(void *self, unsigned node, const struct hf_ready *ready)
{
    struct simulation *simulation = self;
    struct world *world = &simulation->world;

    if (ready->what == 0) {
        world_fail(world, "node %u: a socket is ready for nothing", node);
    } else if (node == 1 && ready->socket == simulation->listener) {
        simulation->accept_waits = true;
    } else if (ready->user > 0 && ready->user <= 2 * (uint64_t)simulation->scenario->count) {
        struct peer_app *app = &simulation->apps[(ready->user - 1) / 2][(ready->user - 1) % 2];

        if (app->open && app->socket == ready->socket)
            app_on_ready(app, ready->what, world->now_us);
        else
            world_fail(world, "node %u: a socket that was given up became ready", node);
    } else {
        world_fail(world, "node %u: a socket that nobody holds became ready", node);
    }
}

static int64_t next_us(void *self)
{
    const struct simulation *simulation = self;
    const struct scenario *scenario = simulation->scenario;
    int64_t next = keys_next_us(&simulation->world, &scenario->keys);

    if (simulation->unopened < scenario->count)
        next = scenario->start_us + scenario->conversations[simulation->unopened].open_at_us;
    if (simulation->accept_waits)
        next = time_min(next, simulation->next_accept_us);
    for (unsigned i = 0; i < simulation->unopened; i++)
        for (unsigned side = 0; side < 2; side++)
            next = time_min(next, time_min(simulation->apps[i][side].retry_us,
                                           app_next_us(&simulation->apps[i][side])));
    return next;
}

static bool listen(struct simulation *simulation)
{
    struct world *world = &simulation->world;
    int error = hf_listen_with(world->nodes[1].stack,
                               &(struct hf_listen_options){
                                   .local = {.port = SCENARIO_PORT},
                                   .backlog = simulation->scenario->backlog,
                                   .cookies = (uint8_t)simulation->scenario->cookies,
                               },
                               &simulation->listener);

    if (error)
        world_fail(world, "hf_listen_with: %s", hf_error_text(error));
    return !error;
}

bool simulation_open(struct simulation *simulation, const struct scenario *scenario)
{
    memset(simulation, 0, sizeof *simulation);
    simulation->scenario = scenario;
    world_init(&simulation->world, scenario->seed, scenario->start_us);
    simulation->world.batch = scenario->batch;
    simulation->world.actor = (struct world_actor){act, on_ready, next_us, simulation};
    simulation->apps = calloc(scenario->count, sizeof *simulation->apps);
    must(simulation->apps);
    for (unsigned i = 0; i < scenario->count; i++)
        for (unsigned side = 0; side < 2; side++)
            prepare_app(simulation, i, side);
    for (unsigned node = 0; node < 2; node++) {
        struct hf_config config = scenario->config[node];

        must(hf_prefix_parse(&config.addresses[0], scenario_address(node, false)) == HF_OK);
        if (config.mtu >= 1280)
            must(hf_prefix_parse(&config.addresses[1], scenario_address(node, true)) == HF_OK);
        if (world_add(&simulation->world, &config, &scenario->link[node]) < 0)
            return false;
    }
    simulation->keys_us = scenario->start_us;
    return keys_begin(&simulation->world, &scenario->keys) &&
           (scenario->no_listener || listen(simulation));
}

/* Whether nothing is held and nothing under way: time may end. */
static bool is_quiet(const struct simulation *simulation)
{
    if (!simulation->closing || simulation->world.flight.count > 0)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        struct hf_gauges g;

        hf_gauges(simulation->world.nodes[i].stack, &g);
        if (g.connections_used > 0 || g.half_opens > 0 || g.time_waits > 0)
            return false;
    }
    return true;
}

/* The first conversation that does not come to its end. */
static void fail_stuck(struct simulation *simulation, const char *why)
{
    const struct scenario *scenario = simulation->scenario;

    for (unsigned i = 0; i < scenario->count; i++) {
        const struct peer_app *a = &simulation->apps[i][0], *b = &simulation->apps[i][1];

        if (conversation_is_over(simulation, i))
            continue;
        world_fail(&simulation->world,
                   "stuck (%s): conversation %u: client sent %u of %u, read %u of %u%s%s; server "
                   "sent %u of %u, read %u of %u%s%s",
                   why, i, a->sent, a->script->send_bytes, a->received, a->expects,
                   a->eof ? ", FIN" : "", a->over ? ", closed" : "", b->sent, b->script->send_bytes,
                   b->received, b->expects, b->eof ? ", FIN" : "", b->over ? ", closed" : "");
        return;
    }
    world_fail(&simulation->world, "stuck (%s): connections do not go away", why);
}

bool simulation_step(struct simulation *simulation)
{
    struct world *world = &simulation->world;

    if (simulation->scenario->stop_us &&
        world_next_us(world) > world->start_us + simulation->scenario->stop_us)
        return false;
    if (is_quiet(simulation)) {
        invariants_end(world);
        return false;
    }
    if (!world_step(world)) {
        if (!world->failed)
            fail_stuck(simulation, "nothing will happen");
        return false;
    }
    if (world->now_us - world->start_us > simulation->scenario->limit_us)
        fail_stuck(simulation, "time is over");
    else if (world->steps > simulation->scenario->limit_steps)
        fail_stuck(simulation, "too many steps");
    return !world->failed;
}

/* What an end has to show for itself. */
static void judge_whole(struct simulation *simulation, const struct peer_app *app)
{
    bool reads_fin =
        app->script->ending == APP_FIN_WHEN_SENT || app->script->ending == APP_FIN_AFTER_PEER;

    if (!app->over)
        world_fail(&simulation->world, "conversation %u, side %u: never came to be", app->number,
                   app->side);
    else if (app->error)
        world_fail(&simulation->world,
                   "conversation %u, side %u: ended by \"%s\" after %u of %u "
                   "bytes read, %u of %u sent",
                   app->number, app->side, hf_error_text(app->error), app->received, app->expects,
                   app->sent, app->script->send_bytes);
    else if (app->received != app->expects || (reads_fin && !app->eof))
        world_fail(&simulation->world, "conversation %u, side %u: %u of %u bytes, %s", app->number,
                   app->side, app->received, app->expects, app->eof ? "FIN" : "no FIN");
}

/* The cookie was lost with all that returned it, until it was too old. Who signs meets silence then, and not a RST. */
static bool is_unborn(const struct simulation *simulation, unsigned number)
{
    const struct peer_app *client = &simulation->apps[number][0];
    int told = simulation->scenario->keys.algorithm == HF_KEY_NONE ? HF_RESET : HF_TIMED_OUT;

    return client->error == told && client->received == 0 && !simulation->apps[number][1].over;
}

static void judge_conversation(struct simulation *simulation, unsigned number)
{
    const struct peer_app *a = &simulation->apps[number][0], *b = &simulation->apps[number][1];

    switch (simulation->scenario->conversations[number].expect) {
    case EXPECT_WHOLE:
        judge_whole(simulation, a);
        judge_whole(simulation, b);
        break;
    case EXPECT_WHOLE_OR_UNBORN:
        if (is_unborn(simulation, number))
            break;
        judge_whole(simulation, a);
        judge_whole(simulation, b);
        break;
    case EXPECT_REFUSED:
        if (a->error != HF_REFUSED)
            world_fail(&simulation->world, "conversation %u was not refused: %s", number,
                       hf_error_text(a->error));
        break;
    case EXPECT_RESET:
        if (a->error != HF_RESET && b->error != HF_RESET)
            world_fail(&simulation->world, "conversation %u was not reset: %s, %s", number,
                       hf_error_text(a->error), hf_error_text(b->error));
        break;
    case EXPECT_TIMED_OUT:
        if (a->error != HF_TIMED_OUT && b->error != HF_TIMED_OUT)
            world_fail(&simulation->world, "conversation %u did not time out: %s, %s", number,
                       hf_error_text(a->error), hf_error_text(b->error));
        break;
    case EXPECT_OPEN:
        if (!a->up || !b->up || a->error || b->error)
            world_fail(&simulation->world, "conversation %u is not open", number);
        break;
    case EXPECT_ANY: break;
    }
}

void simulation_judge(struct simulation *simulation, struct sim_result *result)
{
    struct world *world = &simulation->world;

    *result = (struct sim_result){0};
    for (unsigned i = 0; i < simulation->scenario->count && !world->failed; i++)
        judge_conversation(simulation, i);
    for (unsigned i = 0; i < simulation->scenario->count; i++)
        result->unborn += is_unborn(simulation, i);
    for (unsigned i = 0; i < simulation->scenario->count; i++)
        for (unsigned side = 0; side < 2; side++) {
            result->bytes += simulation->apps[i][side].received;
            result->urgent_seen += simulation->apps[i][side].urgent_seen;
        }
    result->ok = !world->failed;
    memcpy(result->message, world->message, sizeof result->message);
    result->steps = world->steps;
    result->virtual_us = world->now_us - world->start_us;
    result->frames = world->frames;
    result->trace_hash = world->trace_hash;
    for (unsigned node = 0; node < world->node_count; node++) {
        uint16_t seen[HF_STATES];

        result->stats[node] = *hf_stats(world->nodes[node].stack);
        result->faults[node] = world->nodes[node].link.count;
        invariants_transitions(world, node, seen);
        for (unsigned i = 0; i < HF_STATES; i++)
            result->transitions[i] |= seen[i];
    }
}

void simulation_close(struct simulation *simulation)
{
    world_deinit(&simulation->world);
    free(simulation->apps);
    simulation->apps = NULL;
}

bool simulation_run(const struct scenario *scenario, struct sim_result *result)
{
    struct simulation simulation;

    if (simulation_open(&simulation, scenario))
        while (simulation_step(&simulation))
            continue;
    simulation_judge(&simulation, result);
    simulation_close(&simulation);
    return result->ok;
}
