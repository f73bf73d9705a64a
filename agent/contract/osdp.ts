/** Addresses that an OSDP peripheral can have are 0 … 126; 127 is broadcast (SIA OSDP 2.2, "Address"). */
export const MAX_OSDP_ADDRESS = 126;

/** The default secure channel key of the standard, as hex (SIA OSDP 2.2, "SCBK-D"): it is public, and protects nothing. */
export const OSDP_DEFAULT_KEY = '303132333435363738393a3b3c3d3e3f';
