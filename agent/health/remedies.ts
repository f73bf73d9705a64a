/** Commands that several remedies name. */
export const DOCTOR = 'sudo hubctl doctor';
export const LOGS = 'sudo hubctl logs';
export const NODES = 'hubctl nodes';
export const RESTART = 'sudo systemctl restart hub-agent';
export const SET_CLOCK = 'timedatectl; sudo timedatectl set-ntp true';
export const INSTALL_CREDENTIALS = '`sudo hub-agent --install-credentials DIR && sudo systemctl restart hub-agent`';
