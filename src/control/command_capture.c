/* "capture [for 60s] [FILTER]": packets with their verdicts, as they come, for whoever asked to write them where he may.
 *
 * The packet loop writes to a bounded piece of memory and to nothing else; the client takes it from there. Whoever takes
 * too slowly gets fewer packets, and hears how many he missed. */
#include <stdlib.h>
#include <string.h>

#include <handfast/os.h>

#include "base/must.h"
#include "control/commands.h"
#include "control/filter_text.h"
#include "os/clock.h"
#include "wire/steer.h"

#define CAPTURE_MEMORY_BYTES ((size_t)4 << 20)
#define CAPTURE_FOR_US (60 * INT64_C(1000000))
#define CAPTURE_LONGEST_US (86400 * INT64_C(1000000))
#define CHUNK_BYTES ((size_t)256 * 1024)

struct capture {
    struct control_stream stream;
    struct guard_watcher watcher;
    struct guard *guard;
    struct pcapng *pcapng;
    unsigned interface;
    struct filter filter;
    int64_t until_us;
    /* Of the batch that is with the stack: the frames that are meant, and copies of their bytes. */
    size_t staged;
    uint8_t index[GUARD_BATCH];
    struct hf_frame stage[GUARD_BATCH];
    uint8_t *bytes[GUARD_BATCH]; /* HF_FRAME_MAX each */
};

_Static_assert(GUARD_BATCH <= UINT8_MAX, "a frame's place in its batch is a byte");

/* ---- which frames ---- */

static bool listens_at(const struct service *service, const struct hf_endpoint *local)
{
    for (uint32_t i = 0; i < SERVICE_LISTENERS_MAX; i++) {
        const struct service_listener *listener = &service->listeners[i];

        if (listener->socket != HF_NO_SUCH_SOCKET && listener->local.port == local->port &&
            (address_is_any(&listener->local.address) ||
             address_equal(&listener->local.address, &local->address)))
            return true;
    }
    return false;
}

static bool is_meant(const struct capture *capture, const struct hf_frame *frame, bool outbound)
{
    const struct filter *filter = &capture->filter;
    const struct service *service;
    struct flow flow;

    if (filter_is_empty(filter))
        return true;
    enum steer_kind kind = steer_frame(&flow, frame);
    if (kind == STEER_ALL || kind == STEER_NONE)
        return false;
    if (outbound)
        flow = (struct flow){flow.local, flow.remote, flow.local_port, flow.remote_port};
    if (!filter_takes_address(filter, &flow.remote))
        return false;
    if (filter->service[0] == '\0')
        return true;
    service = service_find(&capture->guard->relays, filter->service);
    return service != NULL && kind == STEER_FLOW &&
           listens_at(service, &(struct hf_endpoint){flow.local, flow.local_port});
}

/* ---- watching ---- */

static void before_input(struct guard_watcher *self, const struct hf_frame *frames, size_t count)
{
    struct capture *capture = loop_owner(self, struct capture, watcher);

    capture->staged = 0;
    for (size_t i = 0; i < count && i < GUARD_BATCH; i++) {
        size_t at = capture->staged;

        if (frames[i].length > HF_FRAME_MAX || !is_meant(capture, &frames[i], false))
            continue;
        memcpy(capture->bytes[at], frames[i].data, frames[i].length);
        capture->stage[at] = frames[i];
        capture->stage[at].data = capture->bytes[at];
        capture->index[at] = (uint8_t)i;
        capture->staged++;
    }
}

static void after_input(struct guard_watcher *self, const struct hf_frame *frames, size_t count,
                        int64_t now_us)
{
    struct capture *capture = loop_owner(self, struct capture, watcher);
    char comment[PCAPNG_COMMENT_MAX];
    struct pcapng_note note = {capture->interface, false, now_us, comment};

    for (size_t i = 0; i < capture->staged; i++) {
        must(capture->index[i] < count);
        pcapng_describe_input(&frames[capture->index[i]], comment);
        pcapng_packet(capture->pcapng, &capture->stage[i], &note);
    }
    capture->staged = 0;
}

static void output(struct guard_watcher *self, const struct hf_frame *frames, size_t count,
                   int64_t now_us)
{
    struct capture *capture = loop_owner(self, struct capture, watcher);

    for (size_t i = 0; i < count; i++)
        if (is_meant(capture, &frames[i], true))
            pcapng_output(capture->pcapng, capture->interface, &frames[i], 1, now_us);
}

/* ---- the stream ---- */

static enum control_more more(struct control_stream *self, struct control_chunk *chunk,
                              bool stopping, int64_t now_us)
{
    struct capture *capture = loop_owner(self, struct capture, stream);
    bool over = stopping || now_us >= capture->until_us || capture->guard->life == GUARD_ENDED;
    const uint8_t *bytes;
    int error;
    size_t length = pcapng_take(capture->pcapng, CHUNK_BYTES, &bytes);

    if (over && capture->until_us > 0) { /* what comes from now on is not meant */
        watchers_remove(&capture->guard->watchers, &capture->watcher);
        capture->until_us = 0;
    }
    if (length > 0) {
        control_chunk_json(chunk, json_pack("{s:I}", "bytes", (json_int_t)length));
        control_chunk_bytes(chunk, bytes, length);
        return CONTROL_MORE;
    }
    if (!over)
        return CONTROL_WAIT;
    control_chunk_json(chunk, json_pack("{s:b, s:I, s:I}", "end", true, "packets",
                                        (json_int_t)pcapng_made(capture->pcapng), "lost",
                                        (json_int_t)pcapng_lost(capture->pcapng, &error)));
    return CONTROL_END;
}

static void end(struct control_stream *self)
{
    struct capture *capture = loop_owner(self, struct capture, stream);

    watchers_remove(&capture->guard->watchers, &capture->watcher);
    pcapng_close(capture->pcapng);
    free(capture->bytes[0]);
    free(capture);
}

static bool open_memory(struct capture *capture)
{
    uint8_t *bytes = malloc(GUARD_BATCH * (size_t)HF_FRAME_MAX);

    if (bytes == NULL || pcapng_open_memory(&capture->pcapng, CAPTURE_MEMORY_BYTES,
                                            clock_wall_minus_now_us()) != HF_OK) {
        free(bytes);
        return false;
    }
    for (size_t i = 0; i < GUARD_BATCH; i++)
        capture->bytes[i] = bytes + i * HF_FRAME_MAX;
    capture->interface =
        pcapng_add_interface(capture->pcapng, capture->guard->config->uplink.name, HF_ETHERNET);
    return true;
}

/* NULL: understood. */
static json_t *read_request(const json_t *request, struct filter *filter, int64_t *for_us)
{
    const char *word = request_word(request, 0);
    char error[FILTER_ERROR_MAX];
    size_t at = 0;

    *for_us = CAPTURE_FOR_US;
    if (word != NULL && strcmp(word, "for") == 0) {
        const char *text = request_word(request, 1);

        if (text == NULL || !duration_parse(text, for_us) || *for_us <= 0 ||
            *for_us > CAPTURE_LONGEST_US)
            return control_error("for %.40s: accepted is " DURATION_ACCEPTED ", at most 1d",
                                 text ? text : "(nothing)");
        at = 2;
    }
    if (!filter_of_request(filter, request, at, error))
        return control_error("%s", error);
    if (filter->state[0] != '\0')
        return control_error("packets have no state; accepted are service and from");
    return NULL;
}

/* Then lines {"bytes": N}, each followed by so many bytes of a pcapng file, and {"end": true, "packets": N, "lost": N}. */
static json_t *open_capture(void *context, const json_t *request, struct control_stream **stream)
{
    struct guard *guard = context;
    struct filter filter;
    int64_t for_us;
    json_t *refusal = read_request(request, &filter, &for_us);

    if (refusal != NULL)
        return refusal;
    if (filter.service[0] != '\0' && service_find(&guard->relays, filter.service) == NULL)
        return control_error("there is no service %s", filter.service);
    struct capture *capture = calloc(1, sizeof *capture);
    if (capture == NULL)
        return control_error("no memory");
    *capture = (struct capture){.stream = {more, end},
                                .watcher = {NULL, before_input, after_input, output},
                                .guard = guard,
                                .filter = filter,
                                .until_us = hf_os_now_us() + for_us};
    if (!open_memory(capture)) {
        free(capture);
        return control_error("no memory for a capture");
    }
    watchers_add(&guard->watchers, &capture->watcher);
    *stream = &capture->stream;
    return json_pack("{s:I}", "capturing_ms", (json_int_t)(for_us / 1000));
}

void command_capture_register(struct control_server *server, struct guard *guard)
{
    control_server_register_lasting(server, "capture", open_capture, guard);
}
