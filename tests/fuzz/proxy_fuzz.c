/* Fuzzer of the PROXY header: the guard only writes it, so any two endpoints are written and read again by a reader that was made
 * from the protocol's text alone (proxy-protocol.txt 2.2). */
#include "base/must.h"
#include "fuzz/input.h"
#include "guard/proxy_v2.h"

struct header {
    unsigned command, family, transport, length;
    const uint8_t *addresses;
};

static bool read_header(struct header *header, const uint8_t *bytes, size_t length)
{
    if (length < 16 || memcmp(bytes, "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a", 12) != 0)
        return false;
    if (bytes[12] >> 4 != 2)
        return false;
    header->command = bytes[12] & 15u;
    header->family = bytes[13] >> 4;
    header->transport = bytes[13] & 15u;
    header->length = bytes[14] * 256u + bytes[15];
    header->addresses = bytes + 16;
    return length == 16 + header->length;
}

static void check_port(const uint8_t *bytes, uint16_t port)
{
    must(bytes[0] * 256u + bytes[1] == port);
}

static struct hf_endpoint read_endpoint(struct input *input, bool v4)
{
    struct hf_endpoint endpoint = {.port = input_u16(input)};

    input_bytes(input, endpoint.address.bytes, sizeof endpoint.address.bytes);
    if (v4) {
        memset(endpoint.address.bytes, 0, 10);
        memset(endpoint.address.bytes + 10, 0xff, 2);
    }
    return endpoint;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    unsigned choice = input_u8(&input), bytes;
    struct hf_endpoint client = read_endpoint(&input, choice & 1);
    struct hf_endpoint local = read_endpoint(&input, choice & 2);
    bool v4 = hf_address_is_v4(&client.address) && hf_address_is_v4(&local.address);
    uint8_t header[PROXY_V2_MAX];
    struct header read;

    memset(header, 0xee, sizeof header);
    must(read_header(&read, header, proxy_v2_build(header, &client, &local)));
    must(read.command == 1 && read.transport == 1 && read.family == (v4 ? 1 : 2));
    bytes = v4 ? 4 : 16;
    must(read.length == 2 * bytes + 4);
    must(memcmp(read.addresses, client.address.bytes + 16 - bytes, bytes) == 0);
    must(memcmp(read.addresses + bytes, local.address.bytes + 16 - bytes, bytes) == 0);
    check_port(read.addresses + 2 * bytes, client.port);
    check_port(read.addresses + 2 * bytes + 2, local.port);
    must(read_header(&read, header, proxy_v2_build_local(header)));
    must(read.command == 0 && read.length == 0);
    return 0;
}
