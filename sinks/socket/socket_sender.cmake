# The transport that the socket and tcp_win sinks share; either may be built without the other.
include_guard(GLOBAL)
add_library(flowxdp_socket_sender STATIC ${CMAKE_CURRENT_LIST_DIR}/socket_sender.cpp ${CMAKE_CURRENT_LIST_DIR}/endpoint.cpp)
target_include_directories(flowxdp_socket_sender PUBLIC ${CMAKE_CURRENT_LIST_DIR})
target_link_libraries(flowxdp_socket_sender PUBLIC flowxdp_sink)
