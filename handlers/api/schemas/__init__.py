"""What is asked and told, as typed models: the document and the checks are made of them."""
