// c++ -std=c++11 who.cpp $(pkg-config --cflags --libs memsec) -o who
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <memsec.h>
#include <stdexcept>
#include <string>

template <typename T> using Handle = std::unique_ptr<T, void (*)(T *)>;

static void check(memsec_status status, memsec_error *error) {
    Handle<memsec_error> owned(error, memsec_error_free);
    if (status != MEMSEC_OK)
        throw std::runtime_error(memsec_error_message(error));
}

// Calls a function that takes `arguments`, `out` and `err`.
template <typename T, typename... P, typename... A>
static Handle<T> make(void (*free)(T *), memsec_status (*function)(P...),
                      A... arguments) {
    T *out = nullptr;
    memsec_error *error = nullptr;
    const memsec_status status = function(arguments..., &out, &error);
    check(status, error);
    return Handle<T>(out, free);
}

static void print(const memsec_exposure *exposure) {
    const bool udp = memsec_exposure_proto(exposure) == MEMSEC_PROTO_UDP;
    std::cout << (udp ? "udp " : "tcp ") << memsec_exposure_port(exposure)
              << " by " << memsec_exposure_interface(exposure) << ':';
    for (size_t i = 0; i < memsec_exposure_may_len(exposure); i++)
        std::cout << ' ' << memsec_exposure_may(exposure, i);
    std::cout << (memsec_exposure_may_len(exposure) ? "\n" : " nobody\n");
}

int main(int, char **argv) try {
    std::ifstream file(argv[1]);
    const std::string json{std::istreambuf_iterator<char>(file), {}};
    const auto snapshot =
        make(memsec_snapshot_free, memsec_snapshot_from_json, json.data(),
             json.size());
    const memsec_policy *policy = nullptr;
    const auto report =
        make(memsec_report_free, memsec_audit, snapshot.get(), policy);
    const auto plan = make(memsec_plan_free, memsec_plan_new, report.get());
    const auto diff = make(memsec_string_free, memsec_plan_render, plan.get(),
                           uint32_t(MEMSEC_RENDER_DIFF));
    for (size_t i = 0; i < memsec_report_exposure_len(report.get()); i++)
        print(memsec_report_exposure(report.get(), i));
    std::cout << diff.get();
} catch (const std::exception &error) {
    std::cerr << error.what() << '\n';
    return 2;
}
