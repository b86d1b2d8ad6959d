"""The pictures of the account, and the script that draws them."""
