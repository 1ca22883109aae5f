// SPDX-License-Identifier: BSD-2-Clause
#include "cli/doctor_command.h"

#include <algorithm>

#include <fmt/format.h>

#include "bundle_loader.h"
#include "cli/json_object.h"
#include "core/printable.h"
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
    fmt::print("{:<5} {}{}: {}\n", text_of(f.verdict), interface.empty() ? "" : printable(interface) + " ", f.check,
               printable(f.detail));
    if (!f.advice.empty())
        fmt::print("      -> {}\n", printable(f.advice));
}

std::string verdict_line(const std::vector<std::string>& failures, std::size_t warnings, bool machine_alone)
{
    if (!failures.empty())
        return fmt::format("not ready: {} of the checks failed; first {}", failures.size(), failures.front());
    std::string text = machine_alone ? "ready: a sensor works on this machine" : "ready: a sensor works here";
    if (warnings)
        text += fmt::format("; {} warning{} above", warnings, warnings == 1 ? "" : "s");
    return text + (machine_alone ? "; 'flowxdp doctor IFACE' looks at an interface, too" : "");
}

} // namespace

ExitCode run_doctor_command(const DoctorOptions& options)
{
    std::vector<std::string> objects;
    std::vector<std::string> failures; // with what to do
    std::size_t warnings = 0;
    auto say = [&](const std::vector<Finding>& findings, const std::string& interface) {
        for (const Finding& f : findings) {
            if (f.verdict == Verdict::kFailure)
                failures.push_back(
                    fmt::format("{}{}: {}", interface.empty() ? "" : interface + " ", f.check, f.advice));
            warnings += f.verdict == Verdict::kWarning;
            if (options.json)
                objects.push_back(finding_json(f, interface));
            else
                print_finding(f, interface);
        }
    };
    const ModuleFolders folders = ModuleFolders::of(options.library_folder, ModuleUse::kLive);
    std::vector<BrokenModule> broken = folders.refused();
    const Bundle bundle = find_bundle(folders, &broken);
    for (const BrokenModule& one : broken)
        fmt::print(stderr, "flowxdp: a module is left out: {}\n", printable(one.reason));
    say(check_machine(*bundle.descriptor, bundle.bpf_object), "");
    say({check_disk(options.write_prefix)}, "");
    for (const std::string& interface : options.interfaces)
        say(check_interface(interface), interface);
    if (options.json)
        fmt::print("{}\n", JsonObject::list(objects));
    else
        fmt::print("{}\n", verdict_line(failures, warnings, options.interfaces.empty()));
    return failures.empty() ? ExitCode::kOk : ExitCode::kRuntime;
}

} // namespace flowxdp
