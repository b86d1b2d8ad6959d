/**
 * The API's documentation page: Swagger UI over our own document.
 *
 * The library comes with the service, from no foreign host, as a script of its own beside this one.
 */
const place = document.getElementById("document");

window.SwaggerUIBundle({
  domNode: place,
  url: place.dataset.document,
  deepLinking: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: "list",
  filter: true,
  persistAuthorization: false, // A key typed here is forgotten with the page.
  syntaxHighlight: { theme: "arta" },
  tryItOutEnabled: false,
  validatorUrl: null,
});
