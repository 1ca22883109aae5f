# flowxdp_export: encoder and transports of the netflow and ipfix sinks, and their tests; either may be built without the other.
include_guard(GLOBAL)
set(dir ${CMAKE_CURRENT_LIST_DIR})
add_library(flowxdp_export STATIC
    ${dir}/octet_writer.cpp ${dir}/template.cpp ${dir}/flow_layout.cpp ${dir}/options_data.cpp ${dir}/interface_names.cpp ${dir}/message.cpp
    ${dir}/exporter.cpp ${dir}/transport.cpp ${dir}/receiver_room.cpp ${dir}/udp_transport.cpp ${dir}/tcp_transport.cpp
    ${dir}/file_transport.cpp ${dir}/export_target.cpp ${dir}/export_sink.cpp)
target_include_directories(flowxdp_export PUBLIC ${dir})
target_link_libraries(flowxdp_export PUBLIC flowxdp_sink_file flowxdp_sink_stream flowxdp_row)
if(FLOWXDP_TESTS)
    add_subdirectory(${dir}/tests ${CMAKE_CURRENT_BINARY_DIR}/tests)
endif()
