/** The admin socket's name, beside the configured control socket. */
export const ADMIN_SOCKET_NAME = 'admin.sock';
