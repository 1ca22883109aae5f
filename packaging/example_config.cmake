# cmake -DFLOWXDP=PROGRAM -DFILE=PATH -P example_config.cmake: writes every option of attach with its default, as `flowxdp config dump`
# knows them, for a sensor on eth0.
execute_process(COMMAND ${FLOWXDP} config dump eth0 --write /var/log/flowxdp/eth0 OUTPUT_VARIABLE options COMMAND_ERROR_IS_FATAL ANY)
file(WRITE ${FILE} "# A sensor as a service: copy this file to /etc/flowxdp/NAME.toml, say there what to observe and where rows go, then
#     flowxdp config check NAME
#     systemctl enable --now flowxdp@NAME
# The service runs as user flowxdp. That user may write below /var/log/flowxdp, and logrotate rotates the files there.
#
${options}")
