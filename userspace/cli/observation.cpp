// SPDX-License-Identifier: BSD-2-Clause
#include "cli/observation.h"

#include <linux/capability.h>

#include <algorithm>

#include <fmt/format.h>

#include "cli/live_options.h"
#include "live/shared_commit.h"

namespace flowxdp {
namespace {

// With -e all: one offset for all records of the run, a killed predecessor's if there was one.
std::int64_t wall_offset_of(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    for (const auto& sensor : sensors)
        if (const std::int64_t left = sensor->predecessor_journal().wall_offset_ns)
            return left;
    return wall_offset_ns();
}

// flowInd is unique in the outputs of a run, so all its sensors must number by one map. Sensors of different daemons do
// not, and the flows in their tables are numbered already.
void need_one_numbering(const std::vector<std::unique_ptr<LiveSensor>>& sensors)
{
    for (const auto& sensor : sensors)
        if (sensor->boot() != sensors.front()->boot())
            throw StartupError(
                fmt::format("interfaces '{0}' and '{1}' were observed by different daemons, which gave their flows the "
                            "same numbers: "
                            "take over each by itself, or export one first: sudo flowxdp detach --export {1} -w PREFIX",
                            sensors.front()->interface(), sensor->interface()));
}

// "run.pcapng", "eth0" -> "run_eth0.pcapng"; each interface is an observation point, and a capture, of its own.
std::string name_beside(const std::string& path, const std::string& interface)
{
    const std::size_t name = path.rfind('/') == std::string::npos ? 0 : path.rfind('/') + 1;
    const std::size_t dot = std::min(path.find('.', name + 1), path.size());
    return path.substr(0, dot) + "_" + interface + path.substr(dot);
}

} // namespace

Observation::Observation(const AttachOptions& options, std::optional<UserIdentity> user, Log* log)
    : options_(options), user_(std::move(user)), log_(log)
{
    daemon_options_.max_packets = options.run.max_packets;
    log_->defer(); // the first line says what is observed
}

Observation::~Observation()
{
    if (began_)
        return;
    log_->print_deferred({});
    for (auto& sensor : sensors_) {
        if (sensor->adopted())
            continue; // it counted before this daemon started and goes on counting
        for (const Result<void>& undone : {sensor->detach(), sensor->remove_pins()})
            if (!undone.ok())
                log_->write(LogLevel::kError, undone.error().message);
    }
}

bool Observation::in_dispatcher() const
{
    return std::ranges::any_of(sensors_, [](const auto& sensor) { return sensor->in_dispatcher(); });
}

LiveSensorOptions Observation::sensor_options(const std::string& interface, const RunPlan& plan) const
{
    // What is wrong with the interface itself is said by the sensor.
    const auto info = read_interface(interface);
    const std::uint32_t link_type = info.ok() && info.value().link_type ? info.value().link_type : kLinkTypeEthernet;
    LiveSensorOptions sensor =
        live_sensor_options(options_.run,
                            {compile_frame_filter(options_.run.filter, link_type, options_.interfaces.back()),
                             compile_extract_filter(options_.run.extract_filter, link_type)},
                            plan);
    sensor.interface = interface;
    if (options_.merge)
        sensor.merged.assign(options_.interfaces.begin() + 1, options_.interfaces.end());
    sensor.direction = options_.direction;
    sensor.mode = options_.mode;
    sensor.fix_offloads = options_.fix_offloads;
    if (user_)
        sensor.owner = user_->uid;
    if (options_.dispatcher)
        sensor.dispatcher_priority = options_.priority;
    return sensor;
}

std::vector<std::string> Observation::foresee(const RunPlan& plan) const
{
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < (options_.merge ? 1 : options_.interfaces.size()); i++)
        lines.push_back(LiveSensor::foresee(sensor_options(options_.interfaces[i], plan)));
    return lines;
}

// -e: a capture for each sensor. Claims the files.
std::vector<std::string> Observation::name_captures(const RunPlan& plan) const
{
    std::vector<std::string> captures;
    if (plan.outputs.capture.empty())
        return captures;
    for (const auto& sensor : sensors_) {
        captures.push_back(sensors_.size() > 1 ? name_beside(plan.outputs.capture, sensor->interface())
                                               : plan.outputs.capture);
        plan.claims.add_output({captures.back()}, "-e");
    }
    return captures;
}

// Files are opened as the user who will write them.
void Observation::become_the_user()
{
    if (!user_)
        return;
    for (auto& sensor : sensors_)
        if (auto given = sensor->give_to(user_->uid, user_->gid); !given.ok())
            throw StartupError(given.error().message);
    become_user(*user_);
    limit_capabilities({CAP_BPF, CAP_NET_ADMIN});
}

RunOrigin Observation::attach(const RunPlan& plan)
{
    const std::size_t wanted = options_.merge ? 1 : options_.interfaces.size();
    const UniqueFd left_numbers =
        wanted > 1 ? find_left_numbers(options_.interfaces, plan.bundle.descriptor->layout_id) : UniqueFd();
    std::vector<std::string> observed;
    for (std::size_t i = 0; i < wanted; i++) {
        LiveSensorOptions sensor = sensor_options(options_.interfaces[i], plan);
        sensor.object.shared_sensor_fd =
            sensors_.empty() ? left_numbers.get() : sensors_.front()->object().map_fd("sensor");
        sensors_.push_back(std::make_unique<LiveSensor>(sensor));
        observed.push_back(sensors_.back()->direction_text());
    }
    log_->print_deferred(observed);
    need_one_numbering(sensors_);
    if (user_ && in_dispatcher())
        throw StartupError("a sensor in libxdp's dispatcher cannot become another user: when it leaves, it builds the "
                           "dispatcher anew for all others, and that must be root's; leave --user out",
                           ExitCode::kUsage);

    const std::vector<std::string> captures = name_captures(plan);
    std::vector<std::uint64_t> ids = plan.output_ids;
    for (const std::string& capture : captures)
        ids.push_back(capture_id(capture));
    // Before the user changes: that user may have no access to the pins.
    LeftOutputs left = take_over_outputs(sensors_, ids);
    cut_left_files(left.files, &daemon_options_, log_);
    if (!options_.run.listen.empty())
        seen_ = see_sensors(sensors_);
    become_the_user();
    cut_left_files(left.files, &daemon_options_, log_);
    for (const LeftFile& file : left.files)
        daemon_options_.uncut.push_back(
            {file.path, 0, fmt::format("it is user {}'s, who started the sensor", user_name(file.owner))});
    for (std::size_t i = 0; i < captures.size(); i++)
        sensors_[i]->open_capture(captures[i], left.resume);
    if (!captures.empty() && !options_.run.extract->of_flows())
        daemon_options_.wall_offset_ns = wall_offset_of(sensors_);
    return {std::move(left.resume), sensors_.front()->boot(), sensors_.front()->describe().attached_ns};
}

} // namespace flowxdp
