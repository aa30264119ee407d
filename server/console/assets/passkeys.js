// Passkeys: shows the buttons for them, lets a key sign the form that a button belongs to, and sends
// that form. Without this the PIN does everything but registering a key.
'use strict';
(() => {
  const buttons = document.querySelectorAll('button[data-passkey]');
  if (!buttons.length || !window.PublicKeyCredential || !window.isSecureContext) return;

  const decoded = (text) => Uint8Array.from(
    atob(text.replaceAll('-', '+').replaceAll('_', '/')), (one) => one.charCodeAt(0));
  const encoded = (buffer) => btoa(Array.from(new Uint8Array(buffer ?? []), (one) => String.fromCharCode(one)).join(''))
    .replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

  // The same bytes as challenge_of() in proof.cpp hashes.
  const challenge = (form) => {
    const encoder = new TextEncoder();
    let all = 'remit passkey 1\n';
    for (const [name, value] of new FormData(form)) {
      if (name === 'pin' || name === 'passkey') continue;
      for (const text of [name, value.replaceAll('\r', '')]) all += `${encoder.encode(text).length}:${text}`;
    }
    return crypto.subtle.digest('SHA-256', encoder.encode(all));
  };
  const known = (button) => button.dataset.keys.split(' ').filter(Boolean)
    .map((id) => ({ type: 'public-key', id: decoded(id) }));

  const signed = async (button) => {
    const { response, rawId } = await navigator.credentials.get({ publicKey: {
      challenge: await challenge(button.form),
      rpId: button.dataset.site,
      allowCredentials: known(button),
      userVerification: 'required',
    } });
    return [rawId, response.clientDataJSON, response.authenticatorData, response.signature, response.userHandle];
  };
  const made = async (button) => {
    const { response } = await navigator.credentials.create({ publicKey: {
      challenge: await challenge(button.form),
      rp: { id: button.dataset.site, name: 'Remit console' },
      user: { id: decoded(button.dataset.user), name: 'operator', displayName: 'Remit operator' },
      pubKeyCredParams: button.dataset.algorithms.split(' ').map((alg) => ({ type: 'public-key', alg: Number(alg) })),
      excludeCredentials: known(button),
      authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
      attestation: 'none',
    } });
    return [response.clientDataJSON, response.attestationObject];
  };

  const say = (form, text) => {
    let place = form.querySelector('[role=alert]');
    if (!place) {
      place = document.createElement('p');
      place.className = 'alert';
      place.setAttribute('role', 'alert');
      form.append(place);
    }
    place.textContent = text;
  };
  for (const button of buttons) {
    const create = button.dataset.passkey === 'create';
    button.hidden = false;
    // Not an event of submit(), below: who presses the other button gives the PIN.
    button.form.addEventListener('submit', () => { button.form.elements.passkey.value = ''; });
    button.addEventListener('click', async () => {
      // What must stand there besides the PIN, which a key makes needless, or does not.
      const fields = [...button.form.elements].filter((one) => create || one.name !== 'pin');
      if (!fields.every((one) => one.reportValidity())) return;
      button.disabled = true;
      try {
        const parts = create ? await made(button) : await signed(button);
        button.form.elements.passkey.value = parts.map(encoded).join('.');
        button.form.submit();
      } catch (error) {
        say(button.form, error.name === 'InvalidStateError' ? 'This passkey is registered already.'
          : error.name === 'NotAllowedError' ? 'No passkey answered: the question was dismissed, or took too long.'
            : `The passkey could not be used: ${error.message}`);
      } finally {
        button.disabled = false;
      }
    });
  }
})();
