/** Commands that several remedies name. */
export const DOCTOR = 'sudo hubctl doctor';
export const BUNDLE = 'sudo hubctl bundle';
export const CONFIG_CHECK = 'sudo hubctl config check';
export const LOGS = 'sudo hubctl logs';
export const NODES = 'hubctl nodes';
export const RESTART = 'sudo systemctl restart hub-agent';
export const KERNEL_LOG = 'sudo dmesg | tail -50';
export const SET_CLOCK = 'timedatectl; sudo timedatectl set-ntp true';
export const INSTALL_CREDENTIALS = '`sudo hub-agent --install-credentials DIR && sudo systemctl restart hub-agent`';
