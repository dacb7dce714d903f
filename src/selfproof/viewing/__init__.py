"""What commands, the dashboard and reports share to look at a life: nothing here changes one."""
