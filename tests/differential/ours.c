/* One stack of ours, spoken to by lines: what tests/differential compares with the Linux kernel.
 *
 * Lines in: begin | listen PORT | connect LPORT RPORT | accept | nodelay | send N | receive N | shutdown | close | in HEX
 * Lines out, for each line in: `out HEX` for every packet sent, then `done RESULT STATE`. Time is virtual and advances by a
 * fifth of a millisecond a line, so that nothing is ever sent because time passed.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handfast/os.h"
#include "handfast/socket.h"

#define LINE_MAX_BYTES 16384
#define STEP_US 200

struct world {
    struct hf_stack *stack;
    void *memory;
    hf_socket listener, connection;
    int64_t now_us;
};

static void fail(const char *what)
{
    fprintf(stderr, "differential_ours: %s\n", what);
    exit(2);
}

static int begin(struct world *world)
{
    struct hf_config config = HF_CONFIG_DEFAULT;
    struct hf_env env = {0};

    config.link = HF_RAW_IP;
    config.delayed_ack_ms = 0;
    config.receive_bytes = config.send_bytes = 1 << 16;
    hf_prefix_parse(&config.addresses[0], "192.0.2.10/24");
    free(world->memory);
    env.memory_bytes = (hf_memory_needed(&config) + 63) & ~(size_t)63;
    env.memory = world->memory = aligned_alloc(64, env.memory_bytes);
    memset(env.secret, 0x42, sizeof env.secret);
    if (!env.memory)
        fail("no memory");
    *world = (struct world){.memory = env.memory, .now_us = INT64_C(1000000000)};
    return hf_init(&world->stack, &config, &env, world->now_us);
}

/* The packets that wait, written down. */
static void put_output(struct world *world)
{
    static uint8_t bytes[HF_FRAME_MAX];
    struct hf_frame slot = {.data = bytes, .capacity = sizeof bytes};

    hf_tick(world->stack, world->now_us);
    while (hf_output(world->stack, &slot, 1, world->now_us) == 1) {
        printf("out ");
        for (uint32_t i = 0; i < slot.length; i++)
            printf("%02x", bytes[i]);
        putchar('\n');
        slot = (struct hf_frame){.data = bytes, .capacity = sizeof bytes};
    }
}

static int take_packet(struct world *world, const char *hex)
{
    static uint8_t bytes[LINE_MAX_BYTES / 2];
    struct hf_frame frame = {.data = bytes, .capacity = sizeof bytes, .link = HF_RAW_IP};
    unsigned byte;

    while (isxdigit((unsigned char)hex[0]) && sscanf(hex, "%2x", &byte) == 1) {
        bytes[frame.length++] = (uint8_t)byte;
        hex += 2;
    }
    hf_input(world->stack, &frame, 1, world->now_us);
    return frame.verdict;
}

static int connect_to(struct world *world, unsigned local_port, unsigned remote_port)
{
    struct hf_endpoint local = {.port = (uint16_t)local_port},
                       remote = {.port = (uint16_t)remote_port};

    hf_address_parse(&remote.address, "192.0.2.9");
    return hf_connect(world->stack, &local, &remote, &world->connection, world->now_us);
}

static long call(struct world *world, const char *line)
{
    static char buffer[1 << 17];
    hf_socket given = world->connection;
    unsigned one = 0, two = 0;

    if (!strncmp(line, "in ", 3))
        return take_packet(world, line + 3);
    if (sscanf(line, "listen %u", &one) == 1)
        return hf_listen(world->stack, &(struct hf_endpoint){.port = (uint16_t)one},
                         &world->listener);
    if (sscanf(line, "connect %u %u", &one, &two) == 2)
        return connect_to(world, one, two);
    if (sscanf(line, "send %u", &one) == 1 && one <= sizeof buffer)
        return hf_send(world->stack, given, buffer, one, world->now_us);
    if (sscanf(line, "receive %u", &one) == 1 && one <= sizeof buffer)
        return hf_receive(world->stack, given, buffer, one, world->now_us);
    if (!strcmp(line, "accept"))
        return hf_accept(world->stack, world->listener, &world->connection);
    if (!strcmp(line, "nodelay"))
        return hf_set_option(world->stack, given, HF_NODELAY, 1, world->now_us);
    if (!strcmp(line, "shutdown"))
        return hf_shutdown(world->stack, given, world->now_us);
    if (!strcmp(line, "close")) {
        world->connection = HF_NO_SUCH_SOCKET;
        return hf_close(world->stack, given, world->now_us);
    }
    fail(line);
    return 0;
}

int main(void)
{
    static char line[LINE_MAX_BYTES];
    struct world world = {0};

    while (fgets(line, sizeof line, stdin)) {
        struct hf_status status = {0};
        long result;

        line[strcspn(line, "\n")] = '\0';
        world.now_us += STEP_US;
        if (!strcmp(line, "begin"))
            result = begin(&world);
        else if (world.stack)
            result = call(&world, line);
        else
            fail("the first line must be: begin");
        put_output(&world);
        if (world.connection == HF_NO_SUCH_SOCKET ||
            hf_status(world.stack, world.connection, &status) != HF_OK)
            printf("done %ld -\n", result);
        else
            printf("done %ld %s\n", result, hf_state_text(status.state));
        fflush(stdout);
    }
    return 0;
}
