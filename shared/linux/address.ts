/**
 * Addresses of the internet as text, see inet(3). Nothing here calls libc.
 *
 * @module
 */

/** Whether a text is a numeric IPv4 address such as `127.0.0.1`. */
export function isIPv4(text: string): boolean {
  return /^((25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(\.(?!$)|$)){4}$/.test(text);
}
