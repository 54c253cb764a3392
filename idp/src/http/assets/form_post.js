// Sends the authorization response on to the client; without this there is a button.

document.querySelector("[data-form-post]").submit();
