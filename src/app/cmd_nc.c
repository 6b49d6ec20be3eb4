/* handfast nc: our stack as a client or server on a TAP interface. */
#include <string.h>

#include "app/app.h"
#include "app/nc.h"

static const char help[] =
    "usage: handfast nc -i TAP -a ADDRESS/LENGTH [OPTIONS] ADDRESS PORT\n"
    "       handfast nc -i TAP -a ADDRESS/LENGTH [OPTIONS] -l [ADDRESS] PORT\n\n"
    "Our stack as a client, or with -l as a server: standard input goes to the peer, what the "
    "peer\n"
    "sends goes to standard output. The end of the input closes our half.\n"
    "  -i TAP             the interface; it is made if it is not there (needs root or "
    "CAP_NET_ADMIN)\n"
    "  -a ADDRESS/LENGTH  an address of the stack's own, not the host's; may be repeated\n"
    "  -g GATEWAY         where other networks are reached; once for IPv4, once for IPv6\n"
    "  -w SECONDS         how long to try to connect\n"
    "  -v                 say what happens\n"
    "  --capture FILE     pcapng, with the stack's reason on every packet\n"
    "  --keys FILE        keys of signed segments, as a guard's key_file\n\n"
    "  handfast nc -i hf0 -a 192.0.2.1/24 -l 7\n"
    "  ip address add 192.0.2.2/24 dev hf0 && ip link set hf0 up && nc 192.0.2.1 7\n";

/* Options as they are being read. */
struct reading {
    struct nc_options nc;
    size_t addresses, routes;
    const char *words[2]; /* ADDRESS PORT */
    int word_count;
};

static int add_address(struct reading *reading, const char *text)
{
    if (reading->addresses == HF_ADDRESSES_MAX)
        return app_usage("nc", "-a: at most %d addresses", HF_ADDRESSES_MAX);
    if (hf_prefix_parse(&reading->nc.config.addresses[reading->addresses++], text) != HF_OK)
        return app_usage(
            "nc", "-a needs an address and a length such as 192.0.2.1/24 or 2001:db8::1/64, not %s",
            text);
    return APP_OK;
}

static int add_gateway(struct reading *reading, const char *text)
{
    if (reading->routes == 2)
        return app_usage("nc", "-g: one gateway for IPv4 and one for IPv6");
    struct hf_route *route = &reading->nc.config.routes[reading->routes++];
    if (hf_address_parse(&route->gateway, text) != HF_OK)
        return app_usage("nc", "-g needs an address, not %s", text);
    hf_prefix_parse(&route->to, hf_address_is_v4(&route->gateway) ? "0.0.0.0/0" : "::/0");
    return APP_OK;
}

static int set_patience(struct reading *reading, const char *text)
{
    long seconds;

    if (!app_number(text, 1, 3600, &seconds))
        return app_usage("nc", "-w needs seconds from 1 to 3600, not %s", text);
    reading->nc.config.syn_timeout_ms = (uint32_t)seconds * 1000;
    return APP_OK;
}

static int read_valued(struct reading *reading, const char *option, const char *value)
{
    bool known = strcmp(option, "-i") == 0 || strcmp(option, "-a") == 0 ||
                 strcmp(option, "-g") == 0 || strcmp(option, "-w") == 0 ||
                 strcmp(option, "--capture") == 0 || strcmp(option, "--keys") == 0;

    if (!known)
        return app_usage("nc",
                         "there is no option %s; accepted are -i -a -g -l -w -v --capture "
                         "--keys",
                         option);
    if (!value)
        return app_usage("nc", "%s needs a value", option);
    switch (option[1]) {
    case 'i': reading->nc.interface = value; return APP_OK;
    case 'a': return add_address(reading, value);
    case 'g': return add_gateway(reading, value);
    case 'w': return set_patience(reading, value);
    default: *(option[2] == 'k' ? &reading->nc.keys : &reading->nc.capture) = value; return APP_OK;
    }
}

static int read_arguments(struct reading *reading, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-l") == 0) {
            reading->nc.listen = true;
        } else if (strcmp(argv[i], "-v") == 0) {
            reading->nc.verbose = true;
        } else if (argv[i][0] == '-') {
            int result = read_valued(reading, argv[i], i + 1 < argc ? argv[i + 1] : NULL);

            if (result)
                return result;
            i++;
        } else if (reading->word_count == 2) {
            return app_usage("nc", "%s is one word too many: ADDRESS PORT is all", argv[i]);
        } else {
            reading->words[reading->word_count++] = argv[i];
        }
    }
    return APP_OK;
}

static int read_endpoint(struct reading *reading)
{
    const char *address = reading->word_count == 2 ? reading->words[0] : NULL;
    const char *port = reading->word_count ? reading->words[reading->word_count - 1] : NULL;
    long number;

    if (!reading->nc.interface)
        return app_usage("nc", "which interface? -i TAP is missing");
    if (!reading->addresses)
        return app_usage("nc",
                         "the stack needs an address of its own: -a ADDRESS/LENGTH is missing");
    if (!port || (!address && !reading->nc.listen))
        return app_usage("nc", reading->nc.listen ? "-l needs a PORT" : "ADDRESS PORT is missing");
    if (address && hf_address_parse(&reading->nc.endpoint.address, address) != HF_OK)
        return app_usage("nc", "%s is no IPv4 or IPv6 address", address);
    if (!app_number(port, 1, 65535, &number))
        return app_usage("nc", "%s is no port: 1 to 65535", port);
    reading->nc.endpoint.port = (uint16_t)number;
    return APP_OK;
}

int cmd_nc(const struct app *app, int argc, char **argv)
{
    struct reading reading = {.nc.config = HF_CONFIG_DEFAULT};

    (void)app;
    if (app_help(argc, argv, help))
        return APP_OK;
    int result = read_arguments(&reading, argc, argv);
    if (!result)
        result = read_endpoint(&reading);
    return result ? result : nc_run(&reading.nc);
}
