cat <<X <<-'Y'
$(echo `ls`)
X
	$(sudo)
	Y
ls