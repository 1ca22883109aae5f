// SPDX-License-Identifier: BSD-2-Clause
#include "cli/doctor_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "cli/json_object.h"
#include "live/checkup.h"

namespace flowxdp {
namespace {

constexpr const char* kVerdicts[] = {"ok", "warn", "fail"};

const char* text_of(Verdict verdict)
{
    return kVerdicts[static_cast<int>(verdict)];
}

std::string finding_json(const Finding& f, const std::string& interface)
{
    JsonObject out;
    out.add("verdict", text_of(f.verdict)).add("check", f.check);
    if (!interface.empty())
        out.add("interface", interface);
    return out.add("detail", f.detail).add("advice", f.advice).text();
}

void print_finding(const Finding& f, const std::string& interface)
{
    fmt::print("{:<5} {}{}: {}\n", text_of(f.verdict), interface.empty() ? "" : interface + " ", f.check, f.detail);
    if (!f.advice.empty())
        fmt::print("      -> {}\n", f.advice);
}

} // namespace

ExitCode run_doctor_command(const DoctorOptions& options)
{
    std::vector<std::string> objects;
    bool failed = false;
    auto say = [&](const std::vector<Finding>& findings, const std::string& interface) {
        for (const Finding& f : findings) {
            failed = failed || f.verdict == Verdict::kFailure;
            if (options.json)
                objects.push_back(finding_json(f, interface));
            else
                print_finding(f, interface);
        }
    };
    const std::string folder = library_folder(options.library_folder);
    say(check_machine(load_bundle(folder).bpf_object), "");
    say({check_disk(options.write_prefix)}, "");
    for (const std::string& interface : options.interfaces)
        say(check_interface(interface), interface);
    if (options.json)
        fmt::print("{}\n", JsonObject::list(objects));
    return failed ? ExitCode::kRuntime : ExitCode::kOk;
}

} // namespace flowxdp
