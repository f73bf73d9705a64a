/** The Debian release of the hubs in the field. */
export const DEBIAN_RELEASE = 'bookworm';

/** What a hub has, and what the simulated air needs. Nothing that a hub lacks may be added for the agent's sake. */
export const DEBIAN_PACKAGES = [
  'systemd-sysv',
  'dbus',
  'polkitd',
  'udev',
  'kmod',
  'iproute2',
  'network-manager',
  'wpasupplicant',
  'iw',
  'rfkill',
  'wireless-regdb',
  'libstdc++6',
  'ca-certificates',
  'procps',
  'hostapd',
  'dnsmasq-base',
  'nftables',
  'busybox-static',
];

/** Loaded at once: for the root disk and the control channel. */
export const BOOT_MODULES = ['virtio_pci', 'virtio_blk', 'ext4', 'crc32c_generic', 'virtio_console'];

/** In the root disk, each with what it depends on. */
export const ROOT_MODULES = [
  ...BOOT_MODULES,
  'virtio_net',
  'virtio_rng',
  '9p',
  '9pnet_virtio',
  'mac80211_hwsim',
  'ccm',
  'ctr',
  'cmac',
  'gcm',
  'nf_tables',
  'nft_chain_nat',
  'nft_masq',
  'veth',
  'sch_netem',
  'xhci_pci',
  'ftdi_sio',
  'cdc_acm',
];

/** Units that would cost boot time or get in the way. Debian starts hostapd by itself, and not in our namespace. */
export const MASKED_UNITS = [
  'hostapd.service',
  'wpa_supplicant-nl80211@.service',
  'NetworkManager-wait-online.service',
  'NetworkManager-dispatcher.service',
  'getty@tty1.service',
  'serial-getty@ttyS0.service',
  'serial-getty@hvc0.service',
  'systemd-networkd.service',
  'systemd-networkd-wait-online.service',
  'systemd-networkd.socket',
  'systemd-resolved.service',
  'systemd-timesyncd.service',
  'e2scrub_reap.service',
  'e2scrub_all.timer',
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'fstrim.timer',
  'console-getty.service',
  'dev-hugepages.mount',
  'dev-mqueue.mount',
  'sys-kernel-debug.mount',
  'sys-kernel-config.mount',
  'sys-fs-fuse-connections.mount',
  'proc-sys-fs-binfmt_misc.automount',
  'modprobe@.service',
  'systemd-pstore.service',
  'systemd-update-utmp.service',
  'systemd-update-utmp-runlevel.service',
  'systemd-logind.service',
  'systemd-user-sessions.service',
  'systemd-binfmt.service',
  'getty.target',
  'kmod-static-nodes.service',
];

/** Programs that systemd runs early in each boot to make units, none of which a hub has. */
export const MASKED_GENERATORS = [
  'systemd-bless-boot-generator',
  'systemd-cryptsetup-generator',
  'systemd-debug-generator',
  'systemd-fstab-generator',
  'systemd-getty-generator',
  'systemd-gpt-auto-generator',
  'systemd-hibernate-resume-generator',
  'systemd-integritysetup-generator',
  'systemd-rc-local-generator',
  'systemd-run-generator',
  'systemd-system-update-generator',
  'systemd-sysv-generator',
  'systemd-veritysetup-generator',
];

/** Our own units, by the target that wants them. */
export const ENABLED_UNITS: readonly (readonly [unit: string, target: string])[] = [
  ['hub-control.service', 'sysinit.target'],
  ['hub-exec-trace.service', 'sysinit.target'],
  ['hub-air.service', 'multi-user.target'],
];

/** Room for what a run installs; the file is sparse. */
export const ROOT_DISK_MEGABYTES = 2_048;
