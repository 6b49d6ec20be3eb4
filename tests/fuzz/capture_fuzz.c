/* Fuzzer of captures: any bytes as a file, pcap or pcapng. Each packet lies in the file and is told as far as it goes; both ends
 * are in states that there are, and never more conversations are known than there are places. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "explain/capture_file.h"
#include "explain/observer.h"
#include "fuzz/input.h"

#define CONVERSATIONS 8u

static void see(struct observer *observer, const struct capture_packet *packet)
{
    uint32_t sum = 0;
    struct dissected dissected;
    struct observation seen;

    for (uint32_t i = 0; i < packet->captured; i++) /* a sanitizer sees each byte too many */
        sum += packet->data[i];
    must(sum < UINT32_MAX);
    if (dissect(&dissected, packet->link, packet->data, packet->captured, packet->length) !=
        DISSECTED_TCP)
        return;
    observer_see(observer, &dissected, packet->at_us, &seen);
    must(seen.from <= 1 && seen.odd < 1u << ANOMALIES);
    must(seen.conversation->end[0].state <= HF_STATE_TIME_WAIT);
    must(seen.conversation->end[1].state <= HF_STATE_TIME_WAIT);
    must(observer->pool.count <= CONVERSATIONS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct siphash_key key = {1, 2};
    char path[64], error[CAPTURE_ERROR_MAX] = "";
    struct capture_file *capture;
    struct capture_packet packet;
    struct observer observer;
    enum capture_read read;
    int fd = memfd_create("capture", MFD_CLOEXEC);

    must(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    capture = capture_file_open(path, error);
    must(capture || error[0] != '\0');
    if (capture) {
        must(observer_init(&observer, CONVERSATIONS, key));
        while ((read = capture_file_next(capture, &packet, error)) == CAPTURE_PACKET)
            see(&observer, &packet);
        must(read == CAPTURE_END || error[0] != '\0');
        observer_finish(&observer);
        observer_free(&observer);
        capture_file_close(capture);
    }
    close(fd);
    return 0;
}
